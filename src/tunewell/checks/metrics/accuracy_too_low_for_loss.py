"""MET032: an accuracy that the loss beside it does not allow."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

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
from tunewell.facts.curves import (
    Values,
    evidence,
    is_reward_training,
    start_level,
    training_loss,
)
from tunewell.facts.metric_names import evaluation_sets
from tunewell.subjects.trace import Column, Trace

TOKEN = ("mean_token_accuracy", "token_accuracy", "accuracy_token", "next_token_accuracy")
"""Accuracies of single tokens; any other is one of rows, and says so only for a classifier."""

KNOWS_NOTHING = 0.75
"""A first loss of this share of ln(classes) is that of a classifier of one label a row."""


@check(
    "MET032",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("E23",),
)
def accuracy_too_low_for_loss(
    trace: Trace, *, factor: float = 0.5, margin: float = 0.05, min_points: int = 2
) -> Iterator[Finding]:
    """Accuracy is far lower than the loss of the same predictions can have.

    ## What it finds
    An accuracy beside a cross-entropy loss that cannot both be of the same predictions, such as a
    token accuracy computed without moving the labels by one place, or labels that are compared with
    the ids of another order.

    ## Why it matters
    The metric says that the model learned nothing, while it has. Checkpoints, early stopping and
    decisions by it are made by chance.

    ## How it is measured
    Two bounds, and the accuracy must lie below one of them at every evaluation of the later half,
    at least `min_points` of them (2). First: every wrong answer has a probability of at most a half
    for the right one and costs at least ln 2, so accuracy is at least 1 - loss / ln 2; `margin`
    (0.05) is left for means over batches of different size. Second: if the probabilities are
    honest, accuracy is at least exp(-loss), because the mean of a probability is at least the
    exponential of the mean of its logarithm; models are not quite honest, so `factor` of it (0.5)
    is asked for. Token accuracies are held against the loss beside them; `eval_accuracy` only
    for a run that is known to train a classifier, because elsewhere it may be of whole answers.
    Where the first loss is not near ln(classes), a row may have several labels: then a row is wrong
    where any of them is, and the first bound alone is taken, with the number of classes times the
    loss. Runs that log rewards are left out.

    ## Example
    Evaluation loss 0.9, so exp(-0.9) is 0.41, and a token accuracy of 0.03.

    ## Fix
    Compare `logits[:, :-1].argmax(-1)` with `labels[:, 1:]`, where labels are not -100.

    ## When it is wrong
    When the loss is weighted by class or has another part with a negative sign.

    ## Sources
    llm-foundry pull request 288; fault E23 of the catalogue. The bounds are arithmetic.
    """
    if is_reward_training(trace):
        reason = "the run logs rewards: its loss is no cross-entropy"
        raise NotApplicableError(reason)
    pairs = _pairs(trace)
    if not pairs:
        reason = "no accuracy is logged beside a loss of the same predictions"
        raise NotApplicableError(reason)
    for loss, accuracy in pairs:
        steps, losses, seen = _together(trace.column(loss).finite, trace.column(accuracy).finite)
        late = max(min_points, len(steps) - len(steps) // 2)
        losses, seen = losses[-late:], seen[-late:]
        if len(steps) < min_points or losses.min() < 0:
            continue
        several = 1 if accuracy.endswith(TOKEN) else _labels_a_row(trace)
        least = 1 - several * losses / math.log(2) - margin
        if several == 1:
            least = np.maximum(least, factor * np.exp(-losses))
        if bool((seen < least).all()):
            yield _finding(trace, loss, accuracy, losses=losses, seen=seen, several=several)
            return


def _pairs(trace: Trace) -> list[tuple[str, str]]:
    """The columns of a loss and of an accuracy of the same predictions."""
    begins = ["", "eval_", *(f"eval_{name}_" for name in evaluation_sets(trace))]
    names = [(begin, name) for begin in begins for name in TOKEN]
    if trace.task == "classification" or (trace.task is None and trace.classes):
        names += [(begin, "accuracy") for begin in begins[1:]]
    return [
        (f"{begin}loss", f"{begin}{name}")
        for begin, name in names
        if f"{begin}loss" in trace.columns and f"{begin}{name}" in trace.columns
    ]


def _labels_a_row(trace: Trace) -> int:
    """1 for a classifier of one label a row, which begins near ln(classes).

    Any other may have as many labels as there are classes, each with a loss that begins at ln 2,
    and then a row is right only where all of them are.
    """
    classes = trace.classes or 1
    losses = training_loss(trace)
    one = len(losses) > 0 and start_level(losses.values) >= KNOWS_NOTHING * math.log(classes)
    return 1 if classes > 2 and one else classes  # noqa: PLR2004  ln 2 is that of two labels too


def _together(loss: Column, accuracy: Column) -> tuple[NDArray[np.int64], Values, Values]:
    steps, one, other = np.intersect1d(loss.steps, accuracy.steps, return_indices=True)
    return steps, loss.values[one], accuracy.values[other]


def _finding(
    trace: Trace, loss: str, accuracy: str, *, losses: Values, seen: Values, several: int
) -> Finding:
    column = trace.column(accuracy).finite
    last, right = float(losses[-1]), float(seen[-1])
    least = max(1 - several * last / math.log(2), math.exp(-last) if several == 1 else 0.0)
    token = "token" in accuracy
    return Finding(
        message=(
            f"{accuracy} is {100 * right:.3g} % where {loss} is {last:.3g}: predictions of such a "
            f"loss are right in {100 * least:.0f} % or more, so the two are not of the same "
            f"{'tokens' if token else 'answers'}"
        ),
        where=(Steps(metric=accuracy, first=int(column.steps[0]), last=int(column.steps[-1])),),
        evidence=(
            Number(
                name=accuracy,
                value=100 * right,
                unit="%",
                bound=f"about {100 * least:.0f} % or more",
            ),
            evidence(accuracy, column),
            evidence(loss, trace.column(loss).finite),
        ),
        impact="what is chosen or stopped by this metric is left to chance",
        fixes=(
            Fix(
                title="compare logits[:, :-1].argmax(-1) with labels[:, 1:] where those are not "
                "-100"
                if token
                else "compare the largest logit's place with the label's id, in one order",
                safety=Safety.MANUAL,
            ),
        ),
    )
