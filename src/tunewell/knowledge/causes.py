"""Causes of trouble in a run and what tells one from another, from the table beside this file."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

TABLE = Path(__file__).with_suffix(".toml")


class Root(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A check whose finding names the cause; with `fix`, where its first edit goes that way."""

    check: str
    fix: Literal["raises", "lowers", ""] = ""


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A subject, by its type's name, and what it would have told."""

    subject: str
    why: str


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A setting of the recipe, and what its value is multiplied by."""

    setting: str
    times: float


class KnownCause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One cause. The file says what each field is."""

    id: str
    title: str
    roots: tuple[Root, ...]
    symptoms: dict[str, float]
    refutes: str
    fix: str
    speaks_for: dict[str, float] = {}
    speaks_against: dict[str, float] = {}
    needs: tuple[Need, ...] = ()
    precedes: tuple[str, ...] = ()
    misled: tuple[str, ...] = ()
    change: Change | None = None


@functools.cache
def table() -> tuple[KnownCause, ...]:
    """Every cause, in the order of the file.

    Raises:
        msgspec.ValidationError: if the file is not as it says.
    """
    read = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return msgspec.convert(read["causes"], tuple[KnownCause, ...])
