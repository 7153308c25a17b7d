"""Standard values of training settings with their sources, read from the table beside this file."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

import msgspec

TABLE = Path(__file__).with_suffix(".toml")
TINKER_POWERS = {"llama": 0.781, "qwen": 0.0775}
SAME_VALUES = {"token-classification": "text-classification"}
"""Tasks for which the sources give the values of another: BERT's are one list for both."""


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
    With `families` it holds for models of these families only.
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
    families: tuple[str, ...] = ()

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
    task: str,
    method: str,
    setting: str,
    *,
    parameters: int | None = None,
    family: str | None = None,
) -> StandardValue | None:
    """The standard value of a setting, None where nothing is published for it.

    What is published for the family goes before what is for all, and the size before neither.

    Args:
        task: a task of the recipe, such as "text-classification", "sft", "dpo" or "grpo".
        method: "full", "lora" or "qlora".
        setting: a setting of the recipe, such as "learning_rate" or "effective_batch_size".
        parameters: size of the model, where it is known: sources differ by size.
        family: family of the model ("llama", "qwen" ...), where it is known.
    """
    named = SAME_VALUES.get(task, task)
    found = [v for v in table() if (v.task, v.method, v.setting) == (named, method, setting)]
    of_family = [v for v in found if family in v.families]
    for values in (of_family, [v for v in found if not v.families]):
        sized = [v for v in values if v.min_parameters is not None or v.max_parameters is not None]
        fits = (v for v in sized if parameters is not None and _fits(v, parameters))
        value = next(fits, None) or next((v for v in values if v not in sized), None)
        if value is not None:
            return value
    return None


def _fits(value: StandardValue, parameters: int) -> bool:
    return (value.min_parameters or 0) <= parameters < (value.max_parameters or float("inf"))


def tinker_rate(family: str, hidden_size: int, *, lora: bool) -> float | None:
    """The learning rate of Tinker's published formula, None for families it was not made for.

    5e-5 times 10 with LoRA times (2000 / hidden size) to a power of 0.781 for Llama and 0.0775 for
    Qwen. Its authors state a regret below 0.5 % there; it says nothing of other families.
    Source: `hyperparam_utils.py` of the Tinker cookbook (Apache-2.0), restated.
    """
    power = TINKER_POWERS.get(family)
    if power is None or hidden_size <= 0:
        return None
    return float(5e-5 * (10.0 if lora else 1.0) * (2000.0 / hidden_size) ** power)


def settings_of(task: str, method: str) -> tuple[str, ...]:
    """The settings that have a standard value for this task and method, in the table's order."""
    named = SAME_VALUES.get(task, task)
    return tuple(dict.fromkeys(v.setting for v in table() if (v.task, v.method) == (named, method)))


@functools.cache
def table() -> tuple[StandardValue, ...]:
    """Every standard value."""
    read = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    sources = msgspec.convert(read["sources"], dict[str, Source])
    return tuple(_value(row, sources) for row in read["values"])


def _value(row: dict[str, Any], sources: dict[str, Source]) -> StandardValue:
    known = {**row, "sources": [sources[name] for name in row["sources"]]}
    return msgspec.convert(known, StandardValue, from_attributes=True)
