"""Pairs of which each takes the partners of the others in its batch for wrong answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class InBatchNegatives:
    """How often two rows of a batch share a text, so that a right answer counts as wrong.

    `shared` is for each of `looked` rows the share of all other rows that have its anchor or its
    positive. `sampler` is the batch sampler's name, `separates` whether it keeps equal texts apart.
    `examples` are shared texts with the number of rows, the most frequent first.
    """

    loss: str
    sampler: str
    separates: bool
    batch_size: int
    looked: int
    total: int
    shared: tuple[float, ...] = ()
    columns: tuple[str, ...] = ()
    examples: tuple[tuple[str, int], ...] = ()
