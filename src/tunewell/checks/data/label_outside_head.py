"""DAT010: labels that the model's trained head has no output for."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import Category, Classes, Finding, Fix, Number, Safety, Severity
from tunewell.core.words import counted
from tunewell.facts.first_step import Cause, cause, outside
from tunewell.facts.labels.classes import LABELLED
from tunewell.facts.labels.label_heads import counted_from_one, outside_head
from tunewell.facts.parts import require_kind
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.first_step import FirstStep

NAMES_SHOWN = 5
NO_LABEL = "-1"
"""What datasets and others write where a row has no label."""


@check(
    "DAT010",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    covers=("C03", "D25"),
)
def label_outside_head(
    dataset: Dataset | None,
    checkpoint: Checkpoint | None,
    step: FirstStep | None,
    *,
    max_labels: int = 0,
) -> Iterator[Finding]:
    """Training labels that the trained head of the model has no output for.

    ## What it finds
    A model folder that already is a classifier, and training labels that are not among its classes:
    other names, ids beyond its last or below 0, ids counted from 1, or more classes than it has
    outputs.

    ## Why it matters
    Either training stops with a size mismatch, or the head is thrown away and started anew, and
    what the model knew of its old classes goes with it.

    ## How it is measured
    By the names in `id2label` of the model's config.json, without case and separators of words;
    labels that are numbers count as ids. A head with the standard names LABEL_0, LABEL_1 ... is
    held against ids and the number of classes. Of a live trainer the numbers that its rows have
    (4,000 at most) are held against `num_labels`, and the first batch is tried. More than
    `max_labels` labels outside, 0 by default because each of them has no output, is a warning. A
    base model without a classification head has nothing to lose and is not looked at.

    ## Example
    A model for `negative` and `positive`, and data with a third label `neutral`.

    ## Fix
    Start from the base model, or set the number of labels and let the head be made anew on purpose.

    ## When it is wrong
    When the head is to be replaced anyway.

    ## Sources
    Faults C03 and D25 of the catalogue.
    """
    if step is not None:
        yield from _live(step, max_labels)
        return
    if dataset is None or checkpoint is None:
        reason = "pass training data and a model: --train FILE --model FOLDER"
        raise NotRunError(reason)
    require_kind(dataset, LABELLED)
    head = checkpoint.label_names
    if head is None:
        reason = "the model has no trained classification head"
        raise NotApplicableError(reason)
    labels = dataset.label_names
    outside = outside_head(labels, head)
    if len(outside) <= max_labels:
        return
    from_one = counted_from_one(labels, head)
    title = "start from the base model, or replace the head"
    if from_one:
        title = "take 1 from every label: ids begin at 0"
    elif outside == [NO_LABEL]:
        title = f"drop the rows labelled {NO_LABEL}, or label them: it stands for no label"
    why = "; they are counted from 1 and ids begin at 0" if from_one else ""
    listed = ", ".join(repr(name) for name in outside[:NAMES_SHOWN])
    more = f" and {len(outside) - NAMES_SHOWN:,} more" if len(outside) > NAMES_SHOWN else ""
    yield Finding(
        message=(
            f"the model's trained head has {len(head):,} classes, and {len(outside):,} of the "
            f"{len(labels):,} training labels are none of them: {listed}{more}{why}"
        ),
        where=(Classes(names=tuple(outside)),),
        evidence=(
            Number(
                name="labels without an output",
                value=len(outside),
                unit="labels",
                bound=f"at most {max_labels:,}",
            ),
        ),
        impact="training stops, or the trained head is thrown away",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
    )


def _live(step: FirstStep, max_labels: int) -> Iterator[Finding]:
    """Labels of a live trainer that are no number of an output."""
    head = step.head
    if head is None:
        reason = "the model is no classifier of rows or tokens"
        raise NotApplicableError(reason)
    wrong = outside(step)
    fails = cause(step) is Cause.RANGE
    if len(wrong) <= max_labels or step.own_loss or (step.raised is not None and not fails):
        return
    rows = int(sum(head.labels[label] for label in wrong))
    most = max(head.labels)
    title = f"load the model with num_labels={int(most) + 1}, or number the labels from 0 on"
    if min(wrong) < 0:
        title = "give rows without a label the label -100 (tokens), or drop them"
    elif set(head.labels) == set(range(1, head.outputs + 1)):
        title = "take 1 from every label: ids begin at 0"
    names = tuple(str(label) for label in wrong)
    yield Finding(
        message=(
            f"the head has {head.outputs:,} outputs, numbered from 0, and "
            f"{counted(rows, 'label')} of {sum(head.labels.values()):,} have no output: "
            f"{', '.join(names[:NAMES_SHOWN])}"
        ),
        where=(Classes(names=names),),
        evidence=(
            Number(
                name="labels without an output",
                value=len(wrong),
                unit="labels",
                bound=f"at most {max_labels:,}",
            ),
        ),
        impact="training stops at the first such row; on a GPU without a message that says why"
        if fails
        else "training stops at the first batch that has such a row",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
        severity=Severity.ERROR,
    )
