"""FIT071: pairs that are told apart almost at once."""

from __future__ import annotations

from collections.abc import Iterator

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
from tunewell.facts.curves import evidence, smooth, training_loss
from tunewell.facts.preference_runs import Preferences, preferences
from tunewell.stats.levels import level
from tunewell.subjects.trace import Column, Trace

BEGINNING = 3
"""Logged losses of which the largest is taken for the loss of a model that has learned nothing."""


@check(
    "FIT071",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R05",),
)
def preferences_learned_at_once(
    trace: Trace,
    *,
    min_accuracy: float = 0.95,
    max_loss: float = 0.25,
    early: float = 0.1,
    min_points: int = 8,
) -> Iterator[Finding]:
    """Preferences that are told apart almost at once, with next to no loss left.

    ## What it finds
    A DPO run or a reward model that gets nearly every pair right within the first pass over them,
    and whose loss is gone by then.

    ## Why it matters
    In the first pass every pair is new to the model. Where it is right and sure about all of them,
    something easy gives the answer away: the length, the format, another language, or rejected
    answers that are noise. What is learned is that, and the rest of the run only makes it surer. A
    rate far too high does the same by blowing up the rewards.

    ## How it is measured
    Until the end of the first epoch, or the first `early` of the planned steps where that is later
    (0.1), the running median of five losses must have come down to `max_loss` of its start (0.25),
    and from there on accuracy must be `min_accuracy` with its whole 95 % interval (0.95). Quick and
    healthy learning does not do that: with 98 % of pairs agreed and an accuracy of 0.94 to 1.0 from
    step 4 on, the loss of a run in tests/fixtures/runs/trl ended at 85 % of its start. Both bounds
    are judgements; the share of steps and the accuracy are those of the catalogue. At least
    `min_points` logs (8).

    ## Example
    Accuracy 1.0 and a loss of 0.000002 from step 12 of 100 on, margins of 14.

    ## Fix
    Look at what tells the two sides apart (`tunewell check` on the pairs), take pairs whose answers
    come from the same model, and for DPO a rate between 5e-7 and 5e-6.

    ## When it is wrong
    When telling apart something so easy was all that was wanted. Losses with a term of their own
    for preferred answers (ORPO, CPO) do not come down this way and are not seen.

    ## Sources
    Fault R05 of the catalogue; huggingface/trl issue 1236; hiyouga/LlamaFactory issue 5321.
    """
    pairs, losses = preferences(trace), training_loss(trace)
    if len(pairs.accuracy) < min_points or len(losses) < min_points:
        message = f"it takes {min_points} logs of loss and accuracy over pairs"
        raise NotApplicableError(message)
    start = float(losses.values[:BEGINNING].max())
    if start <= 0:
        message = "the loss is not positive"
        raise NotApplicableError(message)
    curve = smooth(losses.values)
    low = losses.steps[curve <= max_loss * start]
    if not len(low) or int(low[0]) > _first_pass(trace, early):
        return
    step = int(low[0])
    after = pairs.accuracy.values[pairs.accuracy.steps > step]
    right = level(after)
    # All 1.0 has no scatter, and three of them are still only three.
    if len(after) < min_points // 2 or right.low < min_accuracy:
        return
    end = float(curve[-1])
    yield Finding(
        message=(
            f"pairs are told apart at once: accuracy is {right.mean:.3g} and loss {end:.2g} of "
            f"{start:.3g} since step {step:,}{_size(pairs)}"
        ),
        where=(Steps(metric="loss", first=step, last=trace.last_step),),
        evidence=(
            evidence("loss", losses, Mark(step=step, text="a quarter of the start")),
            evidence("accuracy over pairs", pairs.accuracy),
            Number(
                name="accuracy since",
                value=100 * right.mean,
                unit="%",
                bound=f"below {100 * min_accuracy:.0f} %",
                low=100 * right.low,
                high=min(100.0, 100 * right.high),
            ),
        ),
        impact="what was learned is what gives the pairs away, and the rest of the run is wasted",
        fixes=(
            Fix(
                title="look for what gives the pairs away (length, format, source) and take "
                "harder pairs; for DPO lower the learning rate to between 5e-7 and 5e-6",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _first_pass(trace: Trace, early: float) -> float:
    """The last step of the first epoch, or of the first tenth of the run where that is later."""
    planned = trace.max_steps or trace.last_step
    epochs: Column = trace.column("epoch").finite
    within = epochs.steps[epochs.values <= 1.0]
    return max(early * planned, float(within[-1]) if len(within) else 0.0)


def _size(pairs: Preferences) -> str:
    if not len(pairs.margin):
        return ""
    return f"; the margin has grown to {float(pairs.margin.values[-1]):.3g}"
