"""What runs log in which a model is rewarded for what it writes: GRPO, RLOO, PPO and others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tunewell.core.check import NotApplicableError
from tunewell.subjects.trace import EMPTY, Column, Trace

NAMES: Mapping[str, tuple[str, ...]] = {
    "reward": ("reward", "objective/scores", "objective/rlhf_reward"),
    "entropy": ("entropy", "objective/entropy"),
    "kl": ("kl", "objective/kl"),
    "length": ("completions/mean_length", "completion_length"),
    "clipped answers": ("completions/clipped_ratio",),
    "clipped updates": ("clip_ratio/region_mean", "clip_ratio", "policy/clipfrac_avg"),
    "spread": ("reward_std",),
    "equal": ("frac_reward_zero_std",),
}
"""Columns of TRL 1.x, and what earlier releases or its PPO call them."""

NO_SPREAD = 1e-4
"""TRL adds this to the standard deviation of a group's rewards before it divides by it."""


def logged(trace: Trace, what: str) -> Column:
    """The finite points of one of `NAMES`, empty where the run logs none of them."""
    return next((trace.column(n).finite for n in NAMES[what] if n in trace.columns), EMPTY)


def name_of(trace: Trace, what: str) -> str:
    """The column's own name."""
    return next((name for name in NAMES[what] if name in trace.columns), NAMES[what][0])


def require_rewards(trace: Trace, points: int) -> Column:
    """The mean reward of what the model wrote.

    Raises:
        NotApplicableError: if the run logs none, or too few points so far.
    """
    rewards = logged(trace, "reward")
    # Other trainers call other things a reward; those whose model writes also log how.
    writes = len(logged(trace, "spread")) or len(logged(trace, "length"))
    if not len(rewards) or not (writes or "objective/scores" in trace.columns):
        message = "no reward of what the model wrote is logged"
        raise NotApplicableError(message)
    if len(rewards) < points:
        message = f"it takes {points} logged rewards; {len(rewards)} are there"
        raise NotApplicableError(message)
    return rewards


def equal_share(trace: Trace) -> Column:
    """For each log, the share of groups of answers whose rewards are all equal.

    Where the log has no such share, it is 1 where the rewards of the whole batch do not differ and
    else 0, which is a lower bound.
    """
    spread, equal = logged(trace, "spread"), logged(trace, "equal")
    flat = Column(spread.steps, (spread.values < NO_SPREAD).astype(np.float64))
    if not len(equal):
        return flat
    both = np.isin(equal.steps, flat.steps[flat.values == 1])
    return Column(equal.steps, np.where(both, 1.0, equal.values))


def components(trace: Trace) -> dict[str, tuple[Column, Column]]:
    """The reward functions by name: mean and standard deviation of each over the logs."""
    means = {
        name.removesuffix("/mean"): column.finite
        for name, column in trace.columns_under("rewards/").items()
        if name.endswith("/mean")
    }
    return {
        name: (mean, trace.column(f"rewards/{name}/std").finite) for name, mean in means.items()
    }
