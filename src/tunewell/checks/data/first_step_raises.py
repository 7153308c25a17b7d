"""DAT123: the first training step raises."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
    Table,
    Text,
)
from tunewell.facts.first_step import Cause, cause
from tunewell.subjects.first_step import FirstStep

TOLD_ELSEWHERE = (
    Cause.NONE, Cause.MEMORY, Cause.DROPPED, Cause.LABELS, Cause.COLLATOR, Cause.RANGE,
    Cause.SHAPE, Cause.PADDING,
)  # fmt: skip
"""Causes that a check of their own names."""


@check(
    "DAT123",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    covers=("D28",),
)
def first_step_raises(step: FirstStep, *, min_rows: int = 1) -> Iterator[Finding]:
    """The first training batch raises on its way to the loss, or there is no row to train on.

    ## What it finds
    Any exception of the collator, of the model or of a loss of the user's own on the first batch
    that no other check names the root of; and a training set without a row.

    ## Why it matters
    Training stops at its first step. On a rented GPU that comes after the wait for the machine, for
    the weights and for tokenizing.

    ## How it is measured
    The longest and other rows of the training set are collated and brought up to the loss on a copy
    of the model, as training would, at the real batch size (64 rows at most). Fewer rows than
    `min_rows`, 1 by default, are too few. The place is the last line of the user's own files that
    was running. It is of medium confidence because a copy might fail where the original does not.

    ## Example
    Whole numbers as flags of a multi-label head: "result type Float can't be cast to the desired
    output type Long".

    ## Fix
    Mend the line that is shown.

    ## When it is wrong
    When the model or the loss cannot be copied, and says so by an exception of another kind.

    ## Sources
    Fault D28 of the catalogue, reproduced with transformers 5.23.
    """
    why = cause(step)
    if why is Cause.EMPTY and min_rows > 0:
        yield Finding(
            message=f"the training set that {step.trainer} has in the end holds no row",
            where=(Key(path="train_dataset"),),
            evidence=(Number(name="training rows", value=0, unit="rows", bound="at least 1"),),
            impact="there is nothing to train on",
            fixes=(Fix(title=_refill(step), safety=Safety.MANUAL),),
            confidence=Confidence.HIGH,
        )
    raised = step.raised
    if raised is None or why in TOLD_ELSEWHERE:
        return
    at = f" at {raised.file}:{raised.line}" if raised.file else ""
    flags = step.head is not None and step.head.problem == "multi_label_classification"
    title = "mend what is shown, and check again"
    if flags and "Float" in raised.text:
        title = "give the labels of a multi-label head as floats (0.0 and 1.0)"
    yield Finding(
        message=f"the first training step raises {raised.kind}{at}: {raised.text}",
        where=(File(path=raised.file),) if raised.file else (Key(path=step.model),),
        evidence=(
            Text(name="what it raises", text=str(raised)),
            *((Text(name="the line", text=raised.code),) if raised.code else ()),
            Table(
                name="the batch",
                columns=("name", "shape"),
                rows=tuple((name, str(shape)) for name, shape in step.inputs.items()),
                total=len(step.inputs),
            ),
        ),
        impact="training stops at its first step",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
    )


def _refill(step: FirstStep) -> str:
    if step.task in {"preference", "unpaired"}:
        return "raise max_length: TRL takes rows out whose completion is cut off entirely"
    return "look at what filters the rows"
