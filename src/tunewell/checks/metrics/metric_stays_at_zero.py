"""MET041: a metric that is exactly 0 at every evaluation while the loss falls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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
from tunewell.core.words import counted
from tunewell.facts.curves import evidence, training_loss
from tunewell.facts.metric_names import directed_metrics
from tunewell.subjects.trace import Trace

HITS = ("f1", "precision", "recall", "exact_match", "accuracy", "bleu", "average_precision")
"""Metrics that are 0 where nothing at all is right."""


@check(
    "MET041",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("E15",),
)
def metric_stays_at_zero(
    trace: Trace, *, min_evaluations: int = 3, min_part: float = 0.5, min_fall: float = 0.1
) -> Iterator[Finding]:
    """F1, accuracy or another count of what is right is 0 all along, while the loss falls.

    ## What it finds
    A run that learns, by its losses, and whose metric never leaves exactly 0.

    ## Why it matters
    Either the model predicts nothing, as with several labels a row and a threshold of 0.5, or the
    metric compares things that cannot be equal. Both look like a model that learns nothing, and
    no choice by this metric means anything.

    ## How it is measured
    A metric of a known kind (F1, precision, recall, accuracy, exact match, BLEU) is 0 at every one
    of at least `min_evaluations` evaluations (3), of a run that is over or has done `min_part` of
    its steps (0.5): rare labels and tags are learned late. The evaluation loss, and the training
    loss, must have fallen by `min_fall` (0.1).

    ## Example
    Evaluation loss 0.69 to 0.11, and `eval_f1` 0.0 at all twelve evaluations.

    ## Fix
    With several labels a row choose the threshold by the evaluation rows, or set `pos_weight`.
    Otherwise print three predictions beside their labels as the metric function gets them.

    ## When it is wrong
    When whole answers are compared word by word, and are long.

    ## Sources
    Fault E15 of the catalogue.
    """
    losses, trained = trace.column("eval_loss").finite, training_loss(trace)
    if len(losses) < min_evaluations or not len(trained):
        reason = f"fewer than {min_evaluations} evaluation losses were logged"
        raise NotApplicableError(reason)
    part = trace.last_step / trace.max_steps if trace.max_steps else 0.0
    if not trace.finished and part < min_part:
        reason = "the run has not come far enough"
        raise NotApplicableError(reason)
    fell = all(
        float(np.median(column.values[-3:])) <= (1 - min_fall) * float(np.median(column.values[:1]))
        for column in (losses, trained)
    )
    for name in directed_metrics(trace):
        values = trace.column(name)
        if not fell or not name.endswith(HITS) or len(values) < min_evaluations:
            continue
        if bool((values.values == 0).all()):
            yield Finding(
                message=(
                    f"{name} is 0 at all of {counted(len(values), 'evaluation')} while the "
                    f"evaluation loss went from {losses.values[0]:.3g} to {losses.values[-1]:.3g}: "
                    "either nothing is predicted, or what is compared can never be equal"
                ),
                where=(Steps(metric=name, first=int(values.steps[0]), last=int(values.steps[-1])),),
                evidence=(
                    Number(name=name, value=0.0, bound="above 0 in a model that learns"),
                    evidence(name, values),
                    evidence("eval_loss", losses),
                ),
                impact="no choice by this metric means anything",
                fixes=(
                    Fix(
                        title="with several labels a row choose a lower threshold; else print "
                        "three predictions beside their labels inside the metric function",
                        safety=Safety.MANUAL,
                    ),
                ),
            )
            return
