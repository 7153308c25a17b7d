"""DAT113: classes learned by regression because the head has one output."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.subjects.first_step import FirstStep, Head

FEWEST_ROWS = 8
SHOWN = 10


@check("DAT113", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D26",))
def classes_learned_as_numbers(step: FirstStep, *, max_classes: int = 20) -> Iterator[Finding]:
    """Classes 0, 1, 2 ... on a head of one output, which learns them as numbers by regression.

    ## What it finds
    A classification model with `num_labels=1` and no `problem_type`, whose labels are whole numbers
    from 0 on without a gap, at most `max_classes` different ones, or are named as classes in the
    data set's features.

    ## Why it matters
    transformers then minimises the squared distance to the number of the class and says nothing.
    The model has one output; its argmax is always class 0, and class 2 counts as twice class 1.

    ## How it is measured
    On the labels of at most 4,000 training rows. Whole numbers with gaps, other starts or decimals
    are taken for quantities. `max_classes` is 20, from the catalogue: ratings have fewer steps, and
    begin at 1. Two classes, or names in the data set's features, make it sure.

    ## Example
    Labels 0 and 1 with `num_labels=1`: transformers 5.23 trains by mean squared error.

    ## Fix
    Set `num_labels` to the number of classes. If numbers are meant, say so by
    `problem_type="regression"`.

    ## When it is wrong
    When the numbers are counts or grades from 0 on and regression is meant.

    ## Sources
    Fault D26 of the catalogue, reproduced with transformers 5.23, which casts the labels by itself;
    version 4 raised an error of types.
    """
    head = step.head
    if step.task != "sequence" or head is None:
        reason = "the model is no classifier of rows"
        raise NotApplicableError(reason)
    if head.outputs != 1 or head.problem is not None or step.own_loss:
        return
    stored = next((c.kind for c in step.columns if c.name == head.column), "")
    if stored != "whole" or head.looked < FEWEST_ROWS:
        return
    values = sorted(head.labels)
    if not 1 < len(values) <= max_classes or values != list(range(len(values))):
        return
    sure = head.class_names is not None or len(values) == 2  # noqa: PLR2004  yes or no
    yield Finding(
        message=(
            f"the labels are {counted(len(values), 'class', 'classes')} ({_listed(head)}), and the "
            "head has one output: they are learned as numbers, by squared error"
        ),
        where=(Key(path="num_labels"),),
        evidence=(
            Number(
                name="different labels",
                value=len(values),
                unit="labels",
                bound=f"more than {max_classes:,}, or not counted from 0",
            ),
            Table(
                name="labels",
                columns=("label", "rows"),
                rows=tuple((int(value), count) for value, count in head.labels.items())[:SHOWN],
                total=len(values),
            ),
        ),
        impact="class 2 counts as twice class 1, and the argmax of one output is always 0",
        fixes=(
            Fix(
                title=f"load the model with num_labels={len(values)}; for regression on purpose "
                'set problem_type="regression"',
                safety=Safety.MANUAL,
            ),
        ),
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
    )


def _listed(head: Head) -> str:
    if head.class_names is not None:
        return ", ".join(head.class_names[:SHOWN])
    values = sorted(head.labels)
    return f"{int(values[0])} to {int(values[-1])}"
