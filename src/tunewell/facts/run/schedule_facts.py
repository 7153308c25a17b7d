"""Facts about a run's schedule and other columns that tell what became of the updates."""

from __future__ import annotations

import numpy as np

from tunewell.facts.curves import end_level, start_level
from tunewell.facts.run.fact import Seen, Told, fact, ramp, told
from tunewell.subjects.trace import Trace

POINTS = 5
"""Logged points without which no schedule is read."""


@fact(
    "rate-ended-early",
    "whether the learning rate was near 0 for a good part of the run",
    columns=("learning_rate",),
)
def rate_ended(seen: Seen) -> Told | None:
    """A schedule that had come to its end while the run went on."""
    rates = seen.trace.column("learning_rate").finite
    if len(rates) < POINTS or float(rates.values.max()) <= 0:
        return None
    peak = int(rates.values.argmax())
    share = float((rates.values[peak:] < 0.02 * rates.values.max()).sum()) / len(rates)
    strength = ramp(share, 0.15, 0.4)
    return told(strength, f"for {100 * share:.0f} % of the run the learning rate was below a "
                "fiftieth of its peak")  # fmt: skip


@fact(
    "warm-up-long",
    "whether the warm-up took most of the run",
    columns=("learning_rate",),
)
def warm_up_long(seen: Seen) -> Told | None:
    """A rate that rises for most of the run."""
    rates = seen.trace.column("learning_rate").finite
    if len(rates) < POINTS:
        return None
    share = int(rates.steps[int(rates.values.argmax())]) / max(seen.trace.last_step, 1)
    flat_rate = float(np.ptp(rates.values)) <= 1e-9 * abs(float(rates.values.max()))
    strength = 0.0 if flat_rate else ramp(share, 0.4, 0.7)
    return told(strength, f"the learning rate rose for {100 * share:.0f} % of the run")


def _scaled(trace: Trace) -> bool:
    """Only the scaler of fp16 leaves updates out."""
    said = (trace.settings.get("fp16"), trace.settings.get("precision"))
    return said[0] is True or said[1] in {"fp16", "16-mixed"} or len(trace.column("loss_scale")) > 0


@fact("steps-skipped", "whether updates were skipped", columns=("skipped",), when=_scaled)
def skipped(seen: Seen) -> Told | None:
    """Updates that the scaler of float16 left out."""
    column = seen.trace.column("skipped").finite
    share = float(np.mean(column.values > 0)) if len(column) else 0.0
    strength = ramp(share, 0.05, 0.3)
    return told(strength, f"{100 * share:.0f} % of the updates were skipped")


def _held_back(trace: Trace) -> bool:
    """A policy logs `kl` where it pays for it: with beta at 0, GRPO's default, it does not."""
    beta = trace.settings.get("beta")
    policy = any(name in trace.columns for name in ("reward", "mean_reward"))
    return policy and isinstance(beta, int | float) and beta > 0


@fact("kl-high", "whether the model moved far from its reference", columns=("kl",), when=_held_back)
def kl_high(seen: Seen) -> Told | None:
    """A divergence from the reference that grows to many times its early level."""
    kl = seen.trace.column("kl").finite
    if len(kl) < 2 * POINTS:
        return None
    first, last = start_level(kl.values), end_level(kl.values)
    strength = ramp(last / max(abs(first), 1e-6), 5.0, 50.0)
    return told(strength, f"the divergence from the reference rose from {first:.3g} to {last:.3g}")
