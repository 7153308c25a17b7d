"""FIT076: answers that are cut at the longest length allowed."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence
from tunewell.facts.policy_runs import logged, name_of
from tunewell.stats.levels import change, level
from tunewell.subjects.trace import Trace


@check(
    "FIT076",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R11",),
)
def completions_clipped(
    trace: Trace, *, max_share: float = 0.5, min_points: int = 10
) -> Iterator[Finding]:
    """Answers that are cut at the longest length allowed.

    ## What it finds
    Reinforcement training in which most answers never come to their end.

    ## Why it matters
    A cut answer has no result to be rewarded, so that good and bad ones get the same; and the model
    never learns to stop.

    ## How it is measured
    By `completions/clipped_ratio`: its mean over the last third of the logs must lie above
    `max_share` (0.5, of the catalogue; axolotl's guide calls less than 0.3 healthy) with its 95 %
    interval. A run that is still going is left alone while the share falls. Where fewer answers
    than that were cut in the first log, the cap is not what is wrong: the model stopped ending its
    answers, and the message says so. At least `min_points` logs (10).

    ## Example
    max_completion_length 16, completions/clipped_ratio 1.0, completions/mean_length 16.

    ## Fix
    Raise `max_completion_length`. Where answers used to end, look at the reward, which may pay for
    length, and lower the learning rate.

    ## When it is wrong
    When answers are meant to fill the length, as in continuing a text, or the end token is not one
    that the trainer knows (`data` checks of the template find that).

    ## Sources
    Fault R11 of the catalogue; modelscope/ms-swift issue 4789; axolotl,
    docs/training_stability.qmd.
    """
    clipped = logged(trace, "clipped answers")
    if len(clipped) < min_points:
        message = f"it takes {min_points} logs of completions/clipped_ratio"
        raise NotApplicableError(message)
    late = level(clipped.values[-max(1, len(clipped) // 3) :])
    moved = change(clipped.values)
    if late.low <= max_share or (moved.fell and not trace.finished):
        return
    lengths = logged(trace, "length")
    longest = trace.column("completions/max_length").finite
    at = f" at {float(longest.values.max()):.0f} tokens" if len(longest) else ""
    at_first = float(clipped.values[0])
    unended = at_first <= max_share
    cause = (
        f", where {100 * at_first:.0f} % were at first: the model stopped ending its answers"
        if unended
        else ", as from the start: the cap is too small for them"
    )
    yield Finding(
        message=(
            f"{100 * late.mean:.0f} % of answers ({100 * late.low:.0f} to "
            f"{100 * min(late.high, 1):.0f} %) are cut{at} in the last third of the run{cause}"
        ),
        where=(
            Steps(
                metric=name_of(trace, "clipped answers"),
                first=int(clipped.steps[0]),
                last=int(clipped.steps[-1]),
            ),
        ),
        evidence=(
            evidence("completions/clipped_ratio", clipped),
            *((evidence("completions/mean_length", lengths),) if len(lengths) else ()),
            Number(
                name="answers that are cut",
                value=100 * late.mean,
                unit="%",
                bound=f"at most {100 * max_share:.0f} %",
                low=100 * late.low,
                high=100 * min(late.high, 1.0),
            ),
        ),
        impact="cut answers get the reward of answers without a result",
        fixes=(
            Fix(
                title="look whether the reward pays for length, and lower the learning rate"
                if unended
                else "raise max_completion_length",
                safety=Safety.MANUAL,
            ),
        ),
    )
