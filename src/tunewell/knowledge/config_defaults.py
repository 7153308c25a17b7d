"""The defaults of trainers and their configuration formats, from the table beside this file."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

TABLE = Path(__file__).with_suffix(".toml")


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a class or a format takes for what nobody wrote, by the dotted path of a recipe.

    `like` names the table that it takes the rest from.
    """

    version: str
    source: str
    settings: dict[str, Any]
    like: str | None = None


@functools.cache
def tables() -> Mapping[str, Defaults]:
    """Every table by the name of its class or format."""
    return msgspec.convert(tomllib.loads(TABLE.read_text("utf-8")), type=dict[str, Defaults])


def defaults_of(name: str) -> dict[str, Any]:
    """The defaults of a class or a format; an unknown one has none of its own."""
    table = tables().get(name)
    if table is None:
        return {}
    inherited = defaults_of(table.like) if table.like is not None else {}
    return inherited | table.settings
