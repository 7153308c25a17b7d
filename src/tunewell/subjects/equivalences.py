"""Two ways to the same step, measured against each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """The gradient of one way against that of another over the same rows.

    `difference` is the norm of the difference relative to the first gradient's norm; `scale` is
    the factor that brings the first gradient closest to the second: 1 where they agree.
    """

    rows: int
    batch: int
    accumulation: int
    difference: float
    scale: float


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Equivalences:
    """Gradients of one large batch against those of several small ones, without dropout.

    `whole` fills every accumulation window; `partial` leaves the last one short, as the end of an
    epoch does, and is None where it was not measured. `sums_itself` tells that the trainer leaves
    the division by the number of batches to the loss (`num_items_in_batch`); `noise` is the
    difference of two runs that are the same but for their seed, 0 where `whole` agrees. `owner` is
    the class or function that computes the loss.
    """

    whole: Pair
    partial: Pair | None
    noise: float
    sums_itself: bool
    owner: str
    own_loss: bool
    by_token: bool
    stand_in: bool = False
