"""HYP056: a learning rate that jumps up in the middle of its decay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Column, Trace

Places = np.ndarray[tuple[int], np.dtype[np.int64]]

QUICK = 0.1
"""A rise over more than this share of the run is no jump."""

REGULAR = 0.25
"""How much the distances between restarts may differ, as a share of their median."""


@check(
    "HYP056",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def learning_rate_jumps(
    trace: Trace, *, min_ratio: float = 1.5, min_share: float = 0.2, min_logs: int = 6
) -> Iterator[Finding]:
    """A learning rate that jumps up after it had begun to fall.

    ## What it finds
    A single jump of the learning rate in its decay, or its schedule begun anew where the run was
    resumed.

    ## Why it matters
    A run that is resumed without the state of its scheduler begins it again: the rate goes back to
    its highest, or warms up again, and what had been annealed is shaken up.

    ## How it is measured
    A rise within a tenth of the run to `min_ratio` times the rate before it (1.5) and by
    `min_share` of the highest (0.2), after the rate had fallen below its highest by as much. Several jumps to about the same height, or at equal distances to heights that
    fall, are warm restarts by design, and so is every jump where the settings name such a
    schedule. At a step where the log tells of a restart it is a warning where the rate comes back
    to its former highest; elsewhere it is information. At least `min_logs` logs (6).

    ## Example
    2e-5 falls to 8e-6 at step 600; the run is resumed there, and the next log says 2e-5.

    ## Fix
    Resume with the scheduler's state (`resume_from_checkpoint`), or set the length of the whole run.

    ## When it is wrong
    When a second stage with its own schedule was logged under the same steps.

    ## Sources
    transformers, `Trainer._load_optimizer_and_scheduler`. The bounds are a judgement.
    """  # noqa: E501
    rates = trace.column("learning_rate").finite
    if len(rates) < min_logs:
        message = f"it takes {min_logs} logged learning rates"
        raise NotApplicableError(message)
    kind = str(trace.settings.get("lr_scheduler_type", "")).lower()
    places = _jumps(rates, min_ratio, min_share)
    if not len(places) or "restart" in kind or _by_design(rates, places):
        return
    resumed = [
        at
        for at in places.tolist()
        if any(_near(rates, at, restart.step) for restart in trace.restarts)
    ]
    at = resumed[0] if resumed else int(places[0])
    low = _foot(rates, at)
    step, before, after = int(rates.steps[at]), float(rates.values[low]), float(rates.values[at])
    anew = bool(resumed) and float(rates.values[at:].max()) >= 0.9 * float(rates.values[:at].max())
    why = ""
    if resumed:
        why = ", where the run was resumed"
        why += ": its schedule began anew" if anew else ": the schedule is another one since"
    yield Finding(
        message=(f"the learning rate jumps from {before:.3g} to {after:.3g} by step {step:,}{why}"),
        where=(Steps(metric="learning_rate", first=int(rates.steps[low]), last=step),),
        evidence=(
            evidence("learning_rate", rates, Mark(step=step, text="jumps")),
            Number(
                name="ratio to the rate before",
                value=after / before if before else None,
                bound=f"below {min_ratio:g}",
            ),
        ),
        impact="what the lower rate had settled is shaken up again",
        fixes=(
            Fix(
                title="resume with the scheduler's state, or set the length of the whole run from "
                "the start",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.WARNING if anew else Severity.INFO,
    )


def _foot(rates: Column, at: int) -> int:
    """The place where the rise that ends at `at` began."""
    while at > 0 and rates.values[at - 1] < rates.values[at]:
        at -= 1
    return at


def _near(rates: Column, at: int, step: int) -> bool:
    """Whether a step lies within the rise, or in the logs before it that fall to its foot."""
    foot = _foot(rates, at)
    return bool(rates.steps[max(foot - 1, 0)] <= step <= rates.steps[at])


def _jumps(rates: Column, min_ratio: float, min_share: float) -> Places:
    """Places where a quick rise ends, once the rate had fallen far below its highest."""
    values, found, at = rates.values, [], 1
    highest = np.maximum.accumulate(values)
    quick = QUICK * float(rates.steps[-1] - rates.steps[0])
    while at < len(values):
        start = at - 1
        while at < len(values) and values[at] > values[at - 1]:
            at += 1
        low, high = float(values[start]), float(values[at - 1])
        far = high >= min_ratio * low and high - low >= min_share * highest[start]
        near = rates.steps[at - 1] - rates.steps[start] <= quick or at - 1 == start + 1
        if at - 1 > start and far and near and highest[start] > min_ratio * low and start > 0:
            found.append(at - 1)
        at = max(at, start + 2)
    return np.array(found, dtype=np.int64)


def _by_design(rates: Column, places: Places) -> bool:
    """Whether the jumps look like warm restarts: to equal heights, or regular and ever lower."""
    if len(places) < 2:  # noqa: PLR2004  one jump has no rhythm
        return False
    heights = np.array([rates.values[at : at + 3].max() for at in places.tolist()])
    apart = np.diff(rates.steps[places])
    middle = float(np.median(apart))
    regular = bool((np.abs(apart - middle) <= REGULAR * middle + 1).all())
    equal = bool(heights.min() >= (1 - REGULAR) * heights.max())
    return equal or (regular and bool((np.diff(heights) <= 0.05 * heights[:-1]).all()))
