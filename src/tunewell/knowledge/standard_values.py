"""Standard values of training settings with their sources, read from the table beside this file."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

import msgspec

TABLE = Path(__file__).with_suffix(".toml")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who published a value, where, and what they say.

    `from_memory` marks what was written down without reading the page again.
    """

    name: str
    url: str
    says: str
    from_memory: bool = False


class StandardValue(msgspec.Struct, frozen=True, kw_only=True):
    """What published recipes use for one setting.

    `low` to `high` is the consensus and `typical` its usual value; `lowest` and `highest` are the
    widest that any of the sources uses. The sizes are numbers of parameters: the value holds for
    `min_parameters <= size < max_parameters`; without both it holds where the size is unknown.
    """

    task: str
    method: str
    setting: str
    low: float
    typical: float
    high: float
    lowest: float
    highest: float
    sources: tuple[Source, ...]
    unit: str = ""
    min_parameters: int | None = None
    max_parameters: int | None = None

    def times_outside(self, value: float) -> float:
        """By what factor a positive value lies outside low to high; 1 inside, below 1 never.

        Infinite for 0 below a positive `low`.
        """
        if value < self.low:
            return self.low / value if value > 0 else float("inf")
        return max(value / self.high, 1.0) if self.high > 0 else 1.0

    def published(self, value: float) -> bool:
        """Whether a source uses values as small and as large as this one."""
        tolerance = 1e-9
        return self.lowest * (1 - tolerance) <= value <= self.highest * (1 + tolerance)


def lookup(
    task: str, method: str, setting: str, *, parameters: int | None = None
) -> StandardValue | None:
    """The standard value of a setting, None where nothing is published for it.

    Args:
        task: "text-classification", "sft" or "dpo".
        method: "full", "lora" or "qlora".
        setting: a setting of the recipe, such as "learning_rate" or "effective_batch_size".
        parameters: size of the model, where it is known: sources differ by size.
    """
    found = [v for v in table() if (v.task, v.method, v.setting) == (task, method, setting)]
    sized = [v for v in found if v.min_parameters is not None or v.max_parameters is not None]
    if parameters is not None:
        for value in sized:
            if (value.min_parameters or 0) <= parameters < (value.max_parameters or float("inf")):
                return value
    return next((value for value in found if value not in sized), None)


def settings_of(task: str, method: str) -> tuple[str, ...]:
    """The settings that have a standard value for this task and method, in the table's order."""
    return tuple(dict.fromkeys(v.setting for v in table() if (v.task, v.method) == (task, method)))


@functools.cache
def table() -> tuple[StandardValue, ...]:
    """Every standard value."""
    read = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    sources = msgspec.convert(read["sources"], dict[str, Source])
    return tuple(_value(row, sources) for row in read["values"])


def _value(row: dict[str, Any], sources: dict[str, Source]) -> StandardValue:
    known = {**row, "sources": [sources[name] for name in row["sources"]]}
    return msgspec.convert(known, StandardValue, from_attributes=True)
