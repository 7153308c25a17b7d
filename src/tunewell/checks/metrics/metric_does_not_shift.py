"""MET035: token accuracy that compares each prediction with the wrong token."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Key, Number, Safety, Severity, Table
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation

TOPS = (1.0, 100.0)
"""The value of a metric without a mistake, as a share or in per cent."""


@check("MET035", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E23",))
def metric_does_not_shift(
    evaluation: RehearsedEvaluation, *, max_share: float = 0.5
) -> Iterator[Finding]:
    """The metric function compares the predictions of a causal model with the labels beside them.

    ## What it finds
    A `compute_metrics` of a language model that gives its best value to predictions of each place's
    own token, and a poor one to predictions of the next.

    ## Why it matters
    A causal model answers about the next token. Compared without moving one of the two by a place,
    accuracy is near 0 however good the model is, and the checkpoint chosen by it is luck.

    ## How it is measured
    The metric function itself is given predictions without a mistake for some rows of the
    evaluation set, made from their labels, of the shape that it was given before: once those of
    the next token, once those of the same place. A metric that is 1 (or 100) for the second and at
    most `max_share` of it (0.5) for the first compares the wrong tokens. Metrics of which neither
    is 1 are left alone, and so is every model but a causal one whose labels are its own input.

    ## Example
    `(logits.argmax(-1) == labels)[labels != -100].mean()`.

    ## Fix
    `preds = logits[:, :-1].argmax(-1)` and `labels = labels[:, 1:]`, then compare.

    ## When it is wrong
    When the collator has moved the labels already, and the model knows.

    ## Sources
    llm-foundry pull request 288, composer pull request 1913; fault E23 of the catalogue, reproduced
    with transformers 5.23: a model that learned every row by heart scores 0.0.
    """
    judged = evaluation.judged
    if judged is None or not judged.perfect:
        reason = "no metric function of a causal model was tried"
        raise NotApplicableError(reason)
    wrong = [
        (name, ahead, same)
        for name, ahead, same in judged.perfect
        if any(abs(same - top) < 1e-6 * top and ahead <= max_share * top for top in TOPS)
    ]
    if not wrong:
        return
    name, ahead, same = wrong[0]
    yield Finding(
        message=(
            f"{name} is {ahead:.3g} for predictions that are right everywhere and {same:.3g} for "
            "those that repeat the input: the metric does not move the labels by one token"
        ),
        where=(Key(path="compute_metrics"),),
        evidence=(
            Number(name=f"{name} of a perfect model", value=ahead, bound=f"{same:g}"),
            Table(
                name="metrics of predictions without a mistake",
                columns=("metric", "of the next token", "of the same token"),
                rows=tuple(
                    (metric, round(one, 4), round(other, 4))
                    for metric, one, other in judged.perfect
                ),
                total=len(judged.perfect),
            ),
        ),
        impact="the metric is near 0 however good the model is",
        fixes=(
            Fix(
                title="compare logits[:, :-1].argmax(-1) with labels[:, 1:]",
                safety=Safety.MANUAL,
            ),
        ),
    )
