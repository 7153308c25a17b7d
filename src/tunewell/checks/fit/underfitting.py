"""FIT002: a classifier that ends hardly better than guessing."""

from __future__ import annotations

import math
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
from tunewell.facts.curves import end_level, evidence, start_level, training_loss
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace

STANDARD_RATE = 5e-5
"""The Trainer's default, the middle of the range BERT's authors tried (2e-5 to 5e-5)."""

CARRIED = 0.7
"""An evaluation below this share of guessing shows a model that learned, whatever its rows cost."""

EVALUATIONS = 2
"""One evaluation may be of a bad moment."""


@check(
    "FIT002",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O05",),
)
def underfitting(
    trace: Trace, recipe: Recipe | None, *, max_share: float = 0.85, min_points: int = 5
) -> Iterator[Finding]:
    """Training loss that ends near the loss of guessing.

    ## What it finds
    A finished classifier whose training loss is still close to ln(classes), which is what answering
    every class with the same probability costs, or none of whose evaluations cost less than that
    while it did not learn its training rows either.

    ## Why it matters
    The model has learned next to nothing: rate too small, too few steps, or labels that the text
    does not explain.

    ## How it is measured
    The median of the last tenth of the logged losses against ln(classes); more than `max_share` of
    it (0.85, set on the first 22 runs in tests/fixtures/runs) is reported. The ten healthy
    classifiers made after that ended at or below 0.1, three with a rate far too high or too low at
    1 or above. One that collapsed to the larger of two classes ended near 0, as batches of that
    class alone cost nothing; it is found by its evaluations: with at least two of them, all above
    ln(classes), and a mean loss of the last third of the logs above half of it. At least
    `min_points` logs are needed (5) and a finished run: early on every loss is near it. A last
    evaluation below 0.7 of ln(classes) speaks against it: then late rows were the harder ones.

    ## Example
    8 classes, ln 8 = 2.08, and a loss of 2.05 at the end.

    ## Fix
    Raise the learning rate to the standard range, or train longer.

    ## When it is wrong
    When a short trial was meant, or labels are so noisy that no better loss exists.

    ## Sources
    Fault O05 of the catalogue; ln(classes) is the cross-entropy of the uniform answer.
    """
    losses = training_loss(trace)
    if trace.classes is None or trace.classes < 2:  # noqa: PLR2004  a classifier has two
        message = "the run does not say how many classes it has"
        raise NotApplicableError(message)
    if len(losses) < min_points or not trace.finished:
        message = f"it takes a finished run with {min_points} logged losses"
        raise NotApplicableError(message)
    guess = math.log(trace.classes)
    first, last = start_level(losses.values), end_level(losses.values)
    judged = trace.column("eval_loss").finite
    never = (
        len(judged) >= EVALUATIONS
        and judged.values.min() >= guess
        and float(losses.values[-(len(losses) // 3) :].mean()) > guess / 2
    )
    carried = len(judged) > 0 and judged.values[-1] <= CARRIED * guess
    if carried or (last <= max_share * guess and not never):
        return
    message = (
        f"training loss ended at {last:.3g}, {100 * last / guess:.0f} % of the {guess:.3g} "
        f"that guessing among {trace.classes:,} classes costs (it began at {first:.3g})"
    )
    if last <= max_share * guess:
        message = (
            f"none of {len(judged):,} evaluations cost less than the {guess:.3g} of guessing among "
            f"{trace.classes:,} classes: the best had {judged.values.min():.3g}"
        )
    yield Finding(
        message=message,
        where=(Steps(metric="loss", first=int(losses.steps[0]), last=int(losses.steps[-1])),),
        evidence=(
            evidence("loss", losses),
            *((evidence("eval_loss", judged),) if len(judged) else ()),
            Number(
                name="last loss as a share of guessing",
                value=100 * last / guess,
                unit="%",
                bound=f"at most {100 * max_share:.0f} %",
            ),
        ),
        impact="the model has learned next to nothing",
        fixes=_fixes(recipe),
    )


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    if recipe is None:
        title = "raise the learning rate to the standard range or train longer"
        return (Fix(title=title, safety=Safety.MANUAL),)
    if recipe.learning_rate < STANDARD_RATE:
        edit = change(recipe, "learning_rate", STANDARD_RATE)
        title = f"raise the learning rate to {STANDARD_RATE:g}"
    else:
        edit = change(recipe, "num_train_epochs", 2 * recipe.num_train_epochs)
        title = f"train {2 * recipe.num_train_epochs:g} epochs"
    return (Fix(title=title, safety=Safety.UNSAFE, edits=(edit,)),)
