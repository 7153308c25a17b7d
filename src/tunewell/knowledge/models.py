"""Shapes of models that are often fine-tuned, read from the table beside this file."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

TABLE = Path(__file__).with_suffix(".toml")
SUGGESTED = 3


class KnownModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model, by each name that has these shapes. The file says what each field is."""

    names: tuple[str, ...]
    parameters: int
    source: str
    config: dict[str, Any]


@functools.cache
def table() -> tuple[KnownModel, ...]:
    """Every model known."""
    read = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(msgspec.convert(read["models"], list[KnownModel]))


@functools.cache
def _by_name() -> Mapping[str, KnownModel]:
    """Every model by its full name and by the last part of it, in lower case."""
    found: dict[str, KnownModel] = {}
    for model in table():
        for name in model.names:
            found[name.casefold()] = model
            found.setdefault(name.casefold().rpartition("/")[2], model)
    return found


def find(name: str) -> KnownModel | None:
    """The model of that name, with or without its maker; None where the table has none."""
    return _by_name().get(name.strip().casefold())


def alike(name: str) -> tuple[str, ...]:
    """Names in the table that a person who wrote this one may have meant, the likeliest first."""
    full = {n.casefold().rpartition("/")[2]: n for m in table() for n in m.names}
    wanted = name.strip().casefold().rpartition("/")[2]
    return tuple(full[n] for n in difflib.get_close_matches(wanted, full, SUGGESTED, 0.6))
