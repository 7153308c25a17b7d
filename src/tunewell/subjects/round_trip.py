"""What was saved after a step against what was in memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RoundTrip:
    """A copy of the model after one large step, saved by its trainer and loaded again.

    Differences of outputs are the largest over one batch, relative to the outputs' spread.
    `difference` is that between the model in memory and the one loaded, None where loading raised
    `raised`. `merged` is that between the model with its adapter and the model into which it was
    merged, saved and loaded; None where that was not tried. `effect` is what the adapter changes in
    memory and `effect_loaded` what it changes once loaded; None without an adapter. `files` are the
    names that the trainer wrote, `saved` the number of tensors in them; `trained` counts the
    trained tensors, and `absent` names those that are in no file. `coarse` tells that
    weights have 16 bits, in which a small effect can vanish.
    """

    difference: float | None
    files: tuple[str, ...]
    trained: int
    saved: int
    absent: tuple[str, ...] = ()
    not_finite: tuple[str, ...] = ()
    prefixed: bool = False
    adapter: bool = False
    effect: float | None = None
    effect_loaded: float | None = None
    merged: float | None = None
    raised: str | None = None
    coarse: bool = False
    stand_in: bool = False
