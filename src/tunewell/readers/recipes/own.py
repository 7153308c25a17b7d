"""Training settings of Tunewell itself: the [recipe] table of tunewell.toml."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

import msgspec

from tunewell.core.errors import SettingsError
from tunewell.core.finding import SetKey
from tunewell.readers.recipes.words import mismatch
from tunewell.subjects.recipe import Place, Recipe

NOT_SETTINGS = frozenset(
    {
        "adapter", "preparation", "hardware", "saving", "generation", "preference", "format",
        "given", "file", "places", "written", "unknown", "optim", "warmup_steps",
        "neftune_noise_alpha",
    }
)  # fmt: skip
FIELDS: Mapping[str, Any] = {
    name: hint for name, hint in get_type_hints(Recipe).items() if name not in NOT_SETTINGS
}
"""The settings of a `[recipe]` table: what Tunewell's own training understands."""

ONE_OF: Mapping[str, tuple[str, ...]] = {
    "task": ("text-classification",),
    "method": ("full", "lora", "qlora"),
    "class_weights": ("none", "balanced"),
    "precision": ("fp32", "bf16", "fp16"),
    "lr_scheduler_type": (
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "reduce_lr_on_plateau",
        "cosine_with_min_lr",
        "warmup_stable_decay",
    ),
}


def _above_zero(value: float) -> bool:
    return value > 0


def _zero_or_more(value: float) -> bool:
    return value >= 0


def _share(value: float) -> bool:
    return 0 <= value < 1


RANGES: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "learning_rate": (_above_zero, "above 0"),
    "num_train_epochs": (_above_zero, "above 0"),
    "max_steps": (lambda value: value == -1 or value > 0, "above 0, or -1 for no limit"),
    "per_device_train_batch_size": (_above_zero, "1 or more"),
    "gradient_accumulation_steps": (_above_zero, "1 or more"),
    "weight_decay": (_zero_or_more, "0 or more"),
    "warmup_ratio": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "max_grad_norm": (_zero_or_more, "0 or more (0 clips nothing)"),
    "dropout": (_share, "from 0 to below 1"),
    "label_smoothing": (_share, "from 0 to below 1"),
    "focal_gamma": (_zero_or_more, "0 or more (0 is plain cross-entropy)"),
    "max_length": (lambda value: value >= 3, "3 or more tokens"),  # noqa: PLR2004  [CLS] x [SEP]
    "early_stopping_patience": (_above_zero, "1 or more"),
    "evals_per_epoch": (_above_zero, "1 or more"),
    "seed": (lambda value: 0 <= value < 2**32, "from 0 to 4294967295"),
}

TABLES = ("recipe", "tool.tunewell.recipe")
HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$")
KEY = re.compile(r"\s*([\"']?)([\w.-]+)\1\s*=")


def read_recipe(table: Mapping[str, Any], file: Path | None = None) -> Recipe:
    """The recipe of a settings table; what it does not name keeps its standard value.

    Args:
        table: the `[recipe]` table as parsed.
        file: the file it came from, for line numbers.

    Raises:
        SettingsError: if a key is unknown, or a value has the wrong type or cannot be.
    """
    lines = _key_lines(file) if file is not None else {}
    values: dict[str, Any] = {}
    for key, value in table.items():
        values[key] = _value(key, value, _place(file, key, lines))
    places = {key: Place(file, line) for key, line in lines.items()}
    return Recipe(**values, given=frozenset(values), file=file, places=MappingProxyType(places))


def write_recipe(path: Path, edits: Iterable[SetKey]) -> str:
    """The text of a settings file after edits of its recipe, with its comments and order kept.

    A new value of None takes the key out. The file itself is not changed.

    Raises:
        SettingsError: if the file is not TOML or cannot be read.
    """
    import tomlkit  # noqa: PLC0415  needed only where something is written
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415

    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except (TOMLKitError, UnicodeDecodeError) as error:
        message = f"{path}: not valid TOML: {error}"
        raise SettingsError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise SettingsError(message) from None
    table: Any = document
    inside = ("tool", "tunewell", "recipe") if path.name == "pyproject.toml" else ("recipe",)
    for name in inside:
        if name not in table:
            table[name] = tomlkit.table()
        table = table[name]
    for edit in edits:
        key = edit.path.removeprefix("recipe.")
        if edit.new is not None:
            table[key] = edit.new
        elif key in table:
            del table[key]
    return tomlkit.dumps(document)


def _place(file: Path | None, key: str, lines: Mapping[str, int]) -> str:
    if file is None:
        return f"recipe.{key}"
    line = f":{lines[key]}" if key in lines else ""
    return f"{file}{line}: recipe.{key}"


def _value(key: str, value: object, place: str) -> object:
    if key not in FIELDS:
        near = get_close_matches(key, FIELDS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(FIELDS)}"
        message = f"{place}: there is no such setting{hint}"
        raise SettingsError(message)
    try:
        # TOML's 3 is a fine number of epochs; "3" is not, and true is no number.
        typed = msgspec.convert(value, type=FIELDS[key], strict=True)
    except msgspec.ValidationError as error:
        message = f"{place}: {mismatch(str(error), value)}"
        raise SettingsError(message) from None
    if key in ONE_OF and typed not in ONE_OF[key]:
        message = f"{place}: {typed!r} is not known; use one of {', '.join(ONE_OF[key])}"
        raise SettingsError(message)
    if key in RANGES and typed is not None:
        allowed, words = RANGES[key]
        if not math.isfinite(typed) or not allowed(typed):
            message = f"{place}: {typed!r} cannot be; it must be {words}"
            raise SettingsError(message)
    return typed


def _key_lines(file: Path) -> dict[str, int]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found: dict[str, int] = {}
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        header = HEADER.match(line)
        if header is not None:
            inside = header[1].replace('"', "").replace(" ", "")
            continue
        key = KEY.match(line)
        if key is None:
            continue
        dotted = f"{inside}.{key[2]}" if inside else key[2]
        for table in TABLES:
            if dotted.startswith(f"{table}."):
                found.setdefault(dotted.removeprefix(f"{table}."), number)
    return found
