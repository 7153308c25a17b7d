"""Arguments and imports that the training libraries no longer take, read from the table beside."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

TABLE = Path(__file__).with_suffix(".toml")
LIBRARIES = (
    "transformers", "trl", "peft", "accelerate", "datasets", "sentence-transformers", "torch",
)  # fmt: skip
VERIFIED: Mapping[str, str] = {
    "transformers": "5.23", "trl": "1.16", "peft": "0.21", "accelerate": "1.15", "datasets": "5.2",
}  # fmt: skip
"""The versions whose signatures the table was held against; assumed where none is known."""


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """An argument that a class takes no more.

    `value` is "same" where the new argument takes the old value, "share" where it does so below 1,
    "other" where the value changes too or there is no new argument: `advice` then says what to do.
    """

    classes: tuple[str, ...]
    old: str
    package: str
    since: str
    source: str
    new: str | None = None
    value: Literal["same", "share", "other"] = "other"
    advice: str = ""

    def keeps(self, value: object) -> bool:
        """Whether renaming alone is right for this value."""
        if self.value == "share":
            return isinstance(value, int | float) and 0 <= value < 1
        return self.value == "same"

    @property
    def what_to_do(self) -> str:
        """One sentence without its full stop."""
        return self.advice or f"write {self.new}"


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """A name that a module has no more; `new` is the dotted path of what takes its place."""

    module: str
    name: str
    package: str
    since: str
    source: str
    new: str | None = None
    advice: str = ""

    @property
    def what_to_do(self) -> str:
        """One sentence without its full stop."""
        if self.advice:
            return self.advice
        module, _, name = (self.new or "").rpartition(".")
        return f"write from {module} import {name}"


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value that an argument takes no more, and the one that comes nearest."""

    classes: tuple[str, ...]
    argument: str
    old: str
    new: str
    package: str
    since: str
    source: str


class Default(msgspec.Struct, frozen=True, kw_only=True):
    """A default that was changed, and what becomes of a run that relied on the old one."""

    owner: str = msgspec.field(name="class")
    argument: str
    old: str
    new: str
    package: str
    since: str
    source: str
    effect: str


@functools.cache
def arguments() -> tuple[Argument, ...]:
    """Every argument that is gone."""
    return msgspec.convert(_rows("arguments"), tuple[Argument, ...])


@functools.cache
def values() -> tuple[Value, ...]:
    """Every value of an argument that is gone."""
    return msgspec.convert(_rows("values"), tuple[Value, ...])


@functools.cache
def defaults() -> tuple[Default, ...]:
    """Every default that was changed."""
    return msgspec.convert(_rows("defaults"), tuple[Default, ...])


@functools.cache
def imports() -> tuple[Import, ...]:
    """Every import that is gone."""
    return msgspec.convert(_rows("imports"), tuple[Import, ...])


@functools.cache
def _by_class() -> Mapping[tuple[str, str], Argument]:
    return {(name, row.old): row for row in arguments() for name in row.classes}


def refused(owner: str, argument: str, versions: Mapping[str, str]) -> Argument | None:
    """The row of an argument that a class refuses under these versions; None where it takes it."""
    row = _by_class().get((owner, argument))
    return row if row is not None and holds(row.package, row.since, versions) else None


def refused_value(
    owner: str, argument: str, value: object, versions: Mapping[str, str]
) -> Value | None:
    """The row of a value that an argument refuses under these versions; None where it takes it."""
    for row in values():
        if (row.argument, row.old) == (argument, value) and owner in row.classes:
            return row if holds(row.package, row.since, versions) else None
    return None


def missing(module: str, name: str, versions: Mapping[str, str]) -> Import | None:
    """The row of a name that a module has no more under these versions; None where it has it."""
    for row in imports():
        if (row.module, row.name) == (module, name) and holds(row.package, row.since, versions):
            return row
    return None


def holds(package: str, since: str, versions: Mapping[str, str]) -> bool:
    """Whether what is so since a version is so under these.

    A library whose version is not known is taken to be the one that the table was verified with.
    """
    return _release(versions.get(package, VERIFIED[package])) >= _release(since)


def not_before(version: str, other: str) -> bool:
    """Whether a version is the other one or a later one."""
    return _release(version) >= _release(other)


def version_in_force(package: str, versions: Mapping[str, str]) -> str:
    """The version that `holds` goes by, for a sentence."""
    return versions.get(package, VERIFIED[package])


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a release: (4, 46, 3) of "4.46.3.dev0"."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _rows(table: str) -> list[dict[str, Any]]:
    """The rows of one table, with groups of classes and names of sources written out."""
    read = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    found = []
    for row in read[table]:
        named = row.get("classes")
        whole = {**row, "source": read["sources"][row["source"]]}
        found.append(whole | ({"classes": read["groups"][named]} if isinstance(named, str) else {}))
    return found
