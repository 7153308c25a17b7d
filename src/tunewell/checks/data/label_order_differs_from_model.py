"""DAT062: the data numbers its classes in another order than the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.labels.label_heads import NAMELESS
from tunewell.facts.labels.spellings import folded_label
from tunewell.facts.parts import require_kind
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.first_step import FirstStep
from tunewell.subjects.layout import Kind

EXAMPLES = 10


@check(
    "DAT062",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    covers=("D29", "C04"),
)
def label_order_differs_from_model(
    dataset: Dataset | None,
    checkpoint: Checkpoint | None,
    step: FirstStep | None,
    *,
    max_classes: int = 0,
) -> Iterator[Finding]:
    """The same classes as the model's, under other numbers.

    ## What it finds
    A model folder that already is a classifier for just the classes of the data, where the data
    numbers them in another order than `id2label` of the model: in the features of a saved or
    Parquet data set, or in a list of names beside the file (categories.json, labels.txt).

    ## Why it matters
    Every number means another class to the model. Its score on this data is near chance although
    nothing fails, and training has to unlearn a good head first.

    ## How it is measured
    By comparing the two lists of names, without case and separators of words. Of a live trainer
    they are `id2label` of its model and the `ClassLabel` of its training set. More than
    `max_classes` names in another place, 0 by default, is a warning. Where the data holds names
    alone and the model's order is not that of the alphabet, it is for information at low
    confidence: `tunewell train` takes the model's order, and so do the example scripts of
    transformers, but an encoder that sorts the names does not. A head with the standard names
    LABEL_0, LABEL_1 ... tells no order.

    ## Example
    0 is `negative` in the data; the model has 0 for `positive`.

    ## Fix
    Number the labels by `label2id` of the model.

    ## When it is wrong
    When the training code maps names to the model's numbers itself.

    ## Sources
    Faults D29 and C04 of the catalogue; https://github.com/huggingface/transformers/issues/14230
    """
    head, given, names = _named(dataset, checkpoint, step)
    ours, theirs = _folded(names), _folded(head)
    if set(ours) != set(theirs) or len(set(theirs)) != len(head):
        reason = "the data and the model have not the same classes"
        raise NotApplicableError(reason)
    other = [at for at, (mine, model) in enumerate(zip(ours, theirs, strict=True)) if mine != model]
    if len(other) <= max_classes:
        return
    first = other[0]
    how = "the data numbers its classes" if given else "the alphabet orders the classes of the data"
    yield Finding(
        message=(
            f"{how} in another order than the model: {counted(len(other), 'class', 'classes')} of "
            f"{len(head):,} have another number; {first} is {names[first]!r} in the data and "
            f"{head[first]!r} in the model"
        ),
        where=(Classes(names=tuple(names[at] for at in other)),),
        evidence=(
            Number(
                name="classes with another number",
                value=len(other),
                unit="classes",
                bound=f"at most {max_classes:,}",
            ),
            Table(
                name="numbers and names",
                columns=("number", "in the data", "in the model"),
                rows=tuple((at, names[at], head[at]) for at in other[:EXAMPLES]),
                total=len(other),
            ),
        ),
        impact="each number means another class to the model",
        fixes=(Fix(title="number the labels by label2id of the model", safety=Safety.MANUAL),),
        severity=Severity.WARNING if given else Severity.INFO,
        confidence=Confidence.HIGH if given else Confidence.LOW,
    )


def _named(
    dataset: Dataset | None, checkpoint: Checkpoint | None, step: FirstStep | None
) -> tuple[Sequence[str], Sequence[str] | None, Sequence[str]]:
    """Names of the head, those that the data gives its numbers, and those of its labels."""
    live = None if step is None else step.head
    if live is not None and live.names is not None and live.class_names is not None:
        return live.names, live.class_names, live.class_names
    if step is not None and dataset is None:
        reason = "the model's head or the labels of the training set have no names"
        raise NotApplicableError(reason)
    if dataset is None or checkpoint is None:
        reason = "pass training data and a model: --train FILE --model FOLDER"
        raise NotRunError(reason)
    require_kind(dataset, {Kind.CLASSIFICATION, Kind.MULTI_LABEL})
    head = checkpoint.label_names
    if head is None or all(NAMELESS.fullmatch(name) for name in head):
        reason = "the model has no trained classification head with names"
        raise NotApplicableError(reason)
    given = dataset.train.source.class_names
    return head, given, given or dataset.label_names


def _folded(names: Sequence[str]) -> list[str]:
    return [folded_label(name) for name in names]
