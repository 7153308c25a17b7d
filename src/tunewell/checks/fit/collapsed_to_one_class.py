"""FIT043: a classifier that has come to answer with one class."""

from __future__ import annotations

import math
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
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Column, Trace

ENOUGH = 0.8
"""Share of the planned steps before which a classifier may answer with one class by right."""

LATE = 1 / 3
"""The part of the run that is judged."""


@check(
    "FIT043",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D30", "O01"),
)
def collapsed_to_one_class(
    trace: Trace, *, max_rest: float = 0.1, min_rest_rows: int = 30, max_off: float = 1e-4
) -> Iterator[Finding]:
    """A classifier whose answers are all, or nearly all, the same class.

    ## What it finds
    A run in whose last third the model answers with one class although the labels do not, in
    training or in its evaluations.

    ## Why it matters
    Accuracy equals the share of that class and looks fine on uneven data, and batches of the common
    class cost nothing, so the loss may look fine too. The rare classes, mostly the ones that are
    wanted, are never found. Causes are a learning rate that is too high, too few steps, or uneven
    classes.

    ## How it is measured
    The watcher counts the commonest predicted and the commonest true class. Over the last third of
    the training logs, all answers but the commonest must be at most `max_rest` of what the labels
    have besides theirs (0.1), where at least `min_rest_rows` such rows are expected (30: a model
    that finds half of them misses them all by chance less than once in a billion); so at the last
    two evaluations. Where only accuracy and F1 were logged, a macro F1 that equals 2a / (1 + a) /
    classes, with a for accuracy, or an F1 of exactly 0, to `max_off` (0.0001), is what one single
    answer gives; it must be so at the last two evaluations. Four fifths of the planned steps must
    be behind the run: before that a classifier of uneven classes may answer with one by right.

    ## Example
    Accuracy 0.853 and macro F1 0.460 with two classes: every row is answered with the larger one.

    ## Fix
    A lower learning rate with warm-up, more steps; class weights or more rows of the rare classes.

    ## When it is wrong
    When the labels of the last third are nearly all of one class, in rows sorted by class.

    ## Sources
    Fault D30 of the catalogue; the value of F1 is arithmetic.
    """
    total = trace.max_steps or trace.last_step
    rates = trace.column("learning_rate").finite
    if len(rates) and not np.any(rates.values):
        message = "the learning rate is 0 throughout: the model is what it was"
        raise NotApplicableError(message)
    if trace.finished is False and trace.last_step < ENOUGH * total:
        message = "four fifths of the planned steps must be behind the run"
        raise NotApplicableError(message)
    found = _in_training(trace, max_rest, min_rest_rows) or _in_evaluations(
        trace, max_rest, max_off
    )
    if found is None:
        known = any(
            len(trace.column(name))
            for name in ("predicted_top_share", "eval_predicted_top_share", "eval_f1")
        )
        if not known:
            message = "the log tells neither predicted classes nor accuracy with F1"
            raise NotApplicableError(message)
        return
    name, column, text, value = found
    yield Finding(
        message=text,
        where=(Steps(metric=name, first=int(column.steps[0]), last=int(column.steps[-1])),),
        evidence=(
            evidence(name, trace.column(name)),
            Number(name="share of the commonest answer", value=100 * value, unit="%"),
        ),
        impact="rows of every other class are answered wrong",
        fixes=(
            Fix(
                title="lower the learning rate and warm up; weigh the classes or add rows of the "
                "rare ones",
                safety=Safety.MANUAL,
            ),
        ),
    )


Found = tuple[str, Column, str, float]


def _in_training(trace: Trace, max_rest: float, min_rows: int) -> Found | None:
    answers, labels = _late(trace, "predicted_top_share"), _late(trace, "label_top_share")
    if len(answers) < 3 or len(labels) < 3:  # noqa: PLR2004  some logs, not a moment
        return None
    rest, wanted = 1 - float(answers.values.mean()), 1 - float(labels.values.mean())
    rows = _rows(trace, int(answers.steps[-1] - answers.steps[0]))
    if wanted * rows < min_rows or rest > max_rest * wanted:
        return None
    text = (
        f"the model answers {100 * (1 - rest):.4g} % of training rows with one class since step "
        f"{answers.steps[0]:,}; the commonest label has {100 * (1 - wanted):.4g} %"
    )
    return "predicted_top_share", answers, text, 1 - rest


def _in_evaluations(trace: Trace, max_rest: float, max_off: float) -> Found | None:
    answers = trace.column("eval_predicted_top_share").finite
    labels = trace.column("eval_label_top_share").finite
    if len(answers) > 1 and len(labels) > 1:
        rest, wanted = 1 - answers.values[-2:], 1 - labels.values[-2:]
        if bool((rest <= max_rest * wanted).all()) and wanted.min() > 0:
            text = (
                f"the model answers {100 * answers.values[-1]:.4g} % of evaluation rows with one "
                f"class; the commonest label has {100 * labels.values[-1]:.4g} %"
            )
            return "eval_predicted_top_share", _last_two(answers), text, float(answers.values[-1])
        return None
    right, f1 = trace.column("eval_accuracy").finite, trace.column("eval_f1").finite
    classes = trace.classes
    if len(right) < 2 or len(f1) < 2 or classes is None or classes < 2:  # noqa: PLR2004  two
        return None
    share, scores = right.values[-2:], f1.values[-2:]
    single = np.abs(scores - 2 * share / (1 + share) / classes) <= max_off
    never = (scores == 0) & (share > 1 / 2)
    if not bool((single | never).all()) or share.max() >= 1:
        return None
    text = (
        f"every evaluation row is answered with one class: accuracy {share[-1]:.3g} and F1 "
        f"{scores[-1]:.3g} are what one single answer gives"
    )
    return "eval_f1", _last_two(f1), text, 1.0


def _last_two(column: Column) -> Column:
    return Column(column.steps[-2:], column.values[-2:])


def _late(trace: Trace, name: str) -> Column:
    column = trace.column(name).finite
    keep = column.steps > (1 - LATE) * trace.last_step
    return Column(column.steps[keep], column.values[keep])


def _rows(trace: Trace, steps: int) -> float:
    """Rows of so many steps, one a step where the log does not tell."""
    a_step = trace.settings.get("per_device_train_batch_size")
    times = trace.settings.get("gradient_accumulation_steps")
    return math.prod(n for n in (a_step, times) if isinstance(n, int) and n > 0) * steps
