"""DAT010: labels that the model's trained head has no output for."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Classes, Finding, Fix, Number, Safety, Severity
from tunewell.facts.labels.classes import LABELLED
from tunewell.facts.labels.label_heads import counted_from_one, outside_head
from tunewell.facts.parts import require_kind
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset

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
    dataset: Dataset, checkpoint: Checkpoint, *, max_labels: int = 0
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
    held against ids and the number of classes. More than
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
