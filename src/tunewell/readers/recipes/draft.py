"""A recipe while it is read: settings come in one by one, each with its place."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

import msgspec

from tunewell.core.errors import SettingsError
from tunewell.facts.config_files.tree import Tree
from tunewell.knowledge.config_defaults import defaults_of
from tunewell.readers.recipes.words import mismatch
from tunewell.subjects.recipe import Adapter, Place, Recipe, Written

ADAPTED = "adapter"
INTERPOLATED = re.compile(r"\$\{[^}]*\}")
BOUNDS: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (lambda value: value >= 0, "0 or more"),
    "per_device_train_batch_size": (lambda value: value > 0, "1 or more"),
    "gradient_accumulation_steps": (lambda value: value > 0, "1 or more"),
    "num_train_epochs": (lambda value: value > 0, "above 0"),
    "saving.per_device_eval_batch_size": (lambda value: value > 0, "1 or more"),
}
"""What no trainer takes. Everything else that is odd is for the checks to say."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as written. `literal` is False where only a run could tell it."""

    value: Any
    place: Place
    literal: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """The settings of one class or file by their own, dotted names.

    `home` says where a setting that is not there would be written. `raw` has the values of a file
    before it was looked at what is literal.
    """

    owner: str
    settings: Mapping[str, Setting]
    home: Callable[[str], Place]
    raw: Mapping[str, Any] = field(default_factory=dict)

    def value(self, key: str) -> Any:  # noqa: ANN401  settings have every type
        """The value under a key, None where it is not there or only a run tells it."""
        found = self.settings.get(key)
        return found.value if found is not None and found.literal else None

    def words(self, key: str) -> tuple[str, ...]:
        """The texts under a key that takes one text or several, with commas or as a list."""
        value = self.value(key)
        if isinstance(value, str):
            return tuple(word for part in value.split(",") if (word := part.strip()))
        return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()

    def below(self, prefix: str, owner: str) -> Table:
        """The settings whose key begins with a prefix, without it."""
        start = f"{prefix}."
        inner = {k[len(start) :]: s for k, s in self.settings.items() if k.startswith(start)}
        return Table(owner, inner, lambda key: self.home(start + key))

    def has(self, keys: Iterable[str]) -> bool:
        """Whether one of the keys is there."""
        return any(key in self.settings for key in keys)


def table_of(tree: Tree, owner: str, file: Path) -> Table:
    """The settings of a file; what it takes from its environment is no literal."""
    settings: dict[str, Setting] = {}
    for key, node in tree.walk():
        place = Place(file, node.line, key)
        literal = not (isinstance(node.value, str) and INTERPOLATED.search(node.value))
        settings[key] = Setting(node.value if literal else None, place, literal)
    raw = {key: node.value for key, node in tree.walk()}
    return Table(owner, settings, lambda key: Place(file, None, key), raw)


@dataclass(slots=True)
class Draft:
    """What is known of a recipe so far. What is set first stays: the main file is read first."""

    format: str
    file: Path
    values: dict[str, Any] = field(default_factory=dict)
    given: set[str] = field(default_factory=set)
    places: dict[str, Place] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    def note(self, table: Table) -> None:
        """Keep every key of a table as it was written."""
        self.written += [
            Written(table.owner, key, setting.value, setting.place, setting.literal)
            for key, setting in table.settings.items()
        ]

    def assume(self, name: str) -> None:
        """Take the defaults of a class or a format for what is not known."""
        for path, value in defaults_of(name).items():
            self.values.setdefault(path, value)

    def suppose(self, path: str, value: object) -> None:
        """A value that follows from others and that nobody wrote."""
        if path not in self.given:
            self.values[path] = value

    def take(self, table: Table, names: Mapping[str, str], *, nulls: bool = False) -> None:
        """Take the settings that the table has under these names, which lead to paths.

        Args:
            table: the settings.
            names: the path of each by its own name; the first name of a path is its home.
            nulls: whether an empty value says "none" rather than "as if not written".
        """
        for key, path in names.items():
            setting = table.settings.get(key)
            if setting is not None:
                self.set(path, setting, nulls=nulls)
            if path not in self.places:
                self.places[path] = table.home(key)

    def set(self, path: str, setting: Setting, *, nulls: bool = False) -> None:
        """Give a setting its value, unless it has one that was written.

        Raises:
            SettingsError: if the value is of the wrong type or cannot be.
        """
        if path in self.given or path in self.unknown:
            return
        if not setting.literal:
            self.unknown.add(path)
            self.places[path] = setting.place
            return
        if setting.value is None and not (nulls and _takes_none(path)):
            return
        self.values[path] = _typed(path, setting)
        self.given.add(path)
        self.places[path] = setting.place

    def put(self, path: str, value: object, setting: Setting) -> None:
        """Give a setting a value that was made of the one that is written."""
        self.set(path, dataclasses.replace(setting, value=value), nulls=True)

    def offer(self, path: str, place: Place) -> None:
        """Say where a setting would be written."""
        self.places.setdefault(path, place)

    def leave_open(self, *paths: str) -> None:
        """Settings that this kind of source does not tell, unless they were written."""
        self.unknown.update(path for path in paths if path not in self.given)

    def recipe(self) -> Recipe:
        """The recipe. It has an adapter if its method is LoRA or something of it was written."""
        groups: dict[str, dict[str, Any]] = {}
        top: dict[str, Any] = {}
        for path, value in self.values.items():
            group, _, name = path.rpartition(".")
            if group:
                groups.setdefault(group, {})[name] = value
            else:
                top[path] = value
        adapted = self.values.get("method") in {"lora", "qlora"}
        for group, fields in groups.items():
            if group == ADAPTED:
                top[group] = Adapter(**fields) if adapted else None
            else:
                top[group] = GROUPS[group](**fields)
        if adapted and ADAPTED not in groups:
            top[ADAPTED] = Adapter()
        return Recipe(
            **top,
            format=self.format,
            file=self.file,
            given=frozenset(self.given),
            places=MappingProxyType(dict(self.places)),
            written=tuple(self.written),
            unknown=frozenset(self.unknown),
        )


GROUPS: Mapping[str, type[Any]] = {
    name: hint
    for name, hint in get_type_hints(Recipe).items()
    if dataclasses.is_dataclass(hint) and isinstance(hint, type)
} | {ADAPTED: Adapter}


@functools.cache
def _hint(path: str) -> Any:  # noqa: ANN401  a type or a union
    group, _, name = path.rpartition(".")
    return get_type_hints(GROUPS[group] if group else Recipe)[name]


def _takes_none(path: str) -> bool:
    hint = _hint(path)
    return isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)


def _typed(path: str, setting: Setting) -> Any:  # noqa: ANN401
    value = setting.value
    if path in _AS_TEXT and value is not None and not isinstance(value, bool):
        value = str(value)
    try:
        typed = msgspec.convert(value, type=_hint(path), strict=False)
    except msgspec.ValidationError as error:
        message = f"{spot(setting.place)}: {mismatch(str(error), value)}"
        raise SettingsError(message) from None
    if path in BOUNDS:
        allowed, words = BOUNDS[path]
        if not math.isfinite(typed) or not allowed(typed):
            message = f"{spot(setting.place)}: {typed!r} cannot be; it must be {words}"
            raise SettingsError(message)
    return typed


_AS_TEXT = frozenset({"hardware.device_map", "lr_scheduler_type", "optim", "preference.loss_type"})


def spot(place: Place) -> str:
    """A place for a message: file, line and key."""
    line = f":{place.line}" if place.line is not None else ""
    key = f": {place.key}" if place.key else ""
    return f"{place.file}{line}{key}"
