"""Why the first training step raises: what the exception and the shapes at hand agree on."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from tunewell.facts.memo import fact
from tunewell.subjects.first_step import Column, FirstStep

NO_LOSS = "The model did not return a loss"
NO_COLUMNS = "No columns in the dataset match"
NO_PAD = "no padding token is defined"
OUT_OF_MEMORY = "out of memory"
SIZES_DIFFER = "ValueError"
"""What torch raises for sizes that differ; a label out of range is an IndexError."""

LABEL_WORDS = ("label", "target", "class", "category", "sentiment", "score", "rating", "tag", "y")
"""Words in the name of a column that hold it for labels."""


class Cause(StrEnum):
    """Why a step raises. Each is the matter of one check."""

    NONE = "nothing is raised"
    EMPTY = "no rows"
    MEMORY = "out of memory"
    DROPPED = "a column that the trainer takes out"
    LABELS = "no column of labels"
    COLLATOR = "rows that make no batch"
    RANGE = "labels outside of the head"
    SHAPE = "labels of another shape than the head"
    PADDING = "no padding token"
    OTHER = "something else"


@fact
def cause(step: FirstStep) -> Cause:
    """The root of what the step raises, the first that fits."""
    if step.empty or step.raised is None:
        return Cause.EMPTY if step.empty else Cause.NONE
    text = step.raised.text
    signs = (
        (Cause.MEMORY, OUT_OF_MEMORY in text.lower()),
        (Cause.DROPPED, wanted_column(step) is not None or text.startswith(NO_COLUMNS)),
        (Cause.LABELS, text.startswith(NO_LOSS)),
        (Cause.COLLATOR, step.collating),
        (Cause.PADDING, NO_PAD in text),
        (Cause.RANGE, step.raised.kind != SIZES_DIFFER and bool(outside(step))),
        (Cause.SHAPE, bool(shape_problem(step))),
    )
    return next((root for root, seen in signs if seen), Cause.OTHER)


def wanted_column(step: FirstStep) -> Column | None:
    """The column that was asked for by name after the trainer had taken it out."""
    if step.raised is None or step.raised.kind not in {"KeyError", "AttributeError"}:
        return None
    name = step.raised.text.strip("'\"")
    return next((column for column in step.dropped if column.name == name), None)


def label_columns(columns: Sequence[Column]) -> list[Column]:
    """Columns that may be meant for labels, those named like it first."""
    fitting = [c for c in columns if c.kind in {"whole", "real", "list of whole", "list of real"}]
    named = [c for c in columns if any(word in c.name.lower().split("_") for word in LABEL_WORDS)]
    return [*dict.fromkeys([*(c for c in fitting if c in named), *named])]


def outside(step: FirstStep) -> list[int]:
    """Labels that a head of one class a row or token has no output for."""
    head = step.head
    if head is None or head.outputs < 2 or not head.whole or head.problem not in CLASSES:  # noqa: PLR2004
        return []
    shape = step.inputs.get("labels", ())
    if len(shape) != (2 if step.task == "token" else 1):
        return []
    return [int(label) for label in head.labels if not 0 <= label < head.outputs]


CLASSES = (None, "single_label_classification")
"""Problem types in which a label is the number of a class; None leaves it to the labels."""


def shape_problem(step: FirstStep) -> str:
    """How the labels' shape differs from what the head takes; "" where it fits or is unknown."""
    head, labels = step.head, step.inputs.get("labels")
    ids = step.inputs.get("input_ids")
    if head is None or labels is None or ids is None:
        return ""
    if step.task == "token":
        return "" if labels == ids else f"labels are {told(labels)}, and the head gives one a token"
    if len(labels) == 2 and labels == ids and labels[1] != head.outputs:  # noqa: PLR2004
        return "there is a label for each token, and the head gives one answer a row"
    several = head.problem == "multi_label_classification"
    if several and labels != (ids[0], head.outputs):
        return f"labels are {told(labels)}, and the head takes {head.outputs} numbers a row"
    if not several and len(labels) == 2 and labels[1] > 1:  # noqa: PLR2004
        return f"labels are vectors of {labels[1]:,} numbers, and the head takes one class a row"
    return ""


def told(shape: Sequence[int]) -> str:
    """A shape in words."""
    if len(shape) <= 1:
        return "one number a row"
    return f"{' by '.join(f'{side:,}' for side in shape[1:])} numbers a row"
