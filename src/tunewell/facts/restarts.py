"""What a run did where it was taken up again: what was set anew, and the points on both sides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError
from tunewell.subjects.trace import EMPTY, Column, Restart, Trace

Values = NDArray[np.float64]

LENGTH = ("max_steps", "num_train_epochs")
SCHEDULE = ("learning_rate", "lr_scheduler_type", "warmup_steps", "warmup_ratio", *LENGTH)
BATCH = ("per_device_train_batch_size", "gradient_accumulation_steps", "world_size", "seed",
         "data_seed", "group_by_length", "train_sampling_strategy")  # fmt: skip
HELD = ("weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "optim")
"""Settings that the optimizer's saved state holds: it takes the place of new ones."""


def require_restarts(trace: Trace) -> tuple[Restart, ...]:
    """The restarts of a run.

    Raises:
        NotApplicableError: if it was trained in one go, as far as its log tells.
    """
    if not trace.restarts:
        reason = "the log tells of no restart"
        raise NotApplicableError(reason)
    return trace.restarts


def changed(restart: Restart, names: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
    """The settings of these names that differ between the two parts: name to old and new."""
    return {
        name: (restart.previous[name], restart.settings[name])
        for name in names
        if name in restart.previous
        and name in restart.settings
        and restart.previous[name] != restart.settings[name]
    }


@dataclass(frozen=True, slots=True)
class Sides:
    """A column around a restart: what stands before it, what was repeated, what came after.

    `repeated` has the earlier part's points after the restart, which no longer stand.
    """

    before: Column
    repeated: Column
    after: Column


def sides(trace: Trace, restart: Restart, name: str) -> Sides:
    """The points of a column from the restart before this one to the next one after it."""
    steps = sorted({other.step for other in trace.restarts})
    at = steps.index(restart.step)
    begin = steps[at - 1] if at else -1
    end = steps[at + 1] if at + 1 < len(steps) else None
    column = trace.column(name).finite
    # What a later restart repeated was also logged after this one; only what this one had reached
    # can have been repeated by it.
    old = trace.superseded.get(name, EMPTY).finite
    return Sides(
        before=_between(column, begin, restart.step),
        repeated=_between(old, restart.step, restart.reached),
        after=_between(column, restart.step, end),
    )


def _between(column: Column, after: int, last: int | None) -> Column:
    keep = column.steps > after
    if last is not None:
        keep &= column.steps <= last
    return Column(column.steps[keep], column.values[keep])


def planned_rates(
    settings: Mapping[str, Any], steps: NDArray[np.int64], total: int | None
) -> Values | None:
    """The learning rate that these settings plan at these steps, shape (n,).

    The step is the number of updates made before. None for a schedule that is not one of linear,
    cosine, constant and constant with warm-up, or where a number that it takes is not known.
    """
    peak, kind = settings.get("learning_rate"), str(settings.get("lr_scheduler_type", ""))
    kind = kind.rpartition(".")[2].casefold()
    warm = _warm_up(settings, total)
    if not isinstance(peak, int | float) or warm is None:
        return None
    at = steps.astype(np.float64)
    rising = np.minimum(at / warm, 1.0) if warm else np.ones_like(at)
    if kind in {"constant", "constant_with_warmup"}:
        return peak * (rising if kind != "constant" else np.ones_like(at))
    if total is None or total <= warm:
        return None
    gone = np.clip((at - warm) / (total - warm), 0.0, 1.0)
    if kind == "linear":
        return np.asarray(peak * np.where(at < warm, rising, 1 - gone))
    if kind == "cosine" and not settings.get("lr_scheduler_kwargs"):
        return np.asarray(peak * np.where(at < warm, rising, 0.5 * (1 + np.cos(math.pi * gone))))
    return None


def _warm_up(settings: Mapping[str, Any], total: int | None) -> float | None:
    steps = settings.get("warmup_steps") or 0
    share = settings.get("warmup_ratio") or 0
    if not isinstance(steps, int | float) or not isinstance(share, int | float):
        return None
    # transformers 5 takes a number of steps below 1 for a share.
    if steps >= 1:
        return float(steps)
    share = steps or share
    if not share:
        return 0.0
    return None if total is None else float(math.ceil(share * total))
