"""What a model with a decoder of its own is to write, and what its decoder is shown meanwhile."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One row of a collated batch: its labels (-100: not trained) and its decoder's inputs.

    `index` is the 0-based row. `given` is None where the model makes the inputs from the labels;
    `pieces` are the labels decoded one by one.
    """

    index: int
    labels: tuple[int, ...]
    given: tuple[int, ...] | None = None
    pieces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Targets:
    """Targets of sampled training rows.

    `pad`, `start` and `end` are the model's ids for padding, for what its decoder begins with and
    for what ends a text. `shifts` tells whether the model makes its decoder's inputs by putting
    `start` in front of the labels.
    """

    model: str
    collator: str
    rows: tuple[TargetRow, ...]
    pad: int | None
    start: int | None
    end: int | None = None
    shifts: bool = True
