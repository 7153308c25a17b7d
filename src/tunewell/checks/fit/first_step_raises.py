"""FIT015: training that ends before its first step does."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Safety,
    Severity,
    Tensor,
    Text,
)
from tunewell.facts.first_step import Cause, cause
from tunewell.knowledge.exceptions import KNOWN, KnownException
from tunewell.subjects.batch import Batch
from tunewell.subjects.first_step import FirstStep, Raised
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.setup import Setup

SHOWN = 400
"""Characters of the exception that are quoted in the message; the evidence has four times those."""

TOLD_ELSEWHERE = frozenset(
    {Cause.DROPPED, Cause.LABELS, Cause.COLLATOR, Cause.RANGE, Cause.SHAPE, Cause.PADDING}
)
"""Causes that have a check of their own, which names what is to be changed."""


@check(
    "FIT015",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("C05", "O12", "P13", "P28"),
)
def first_step_raises(
    state: ModelState,
    setup: Setup | None,
    batch: Batch | None,
    first: FirstStep | None,
    *,
    max_quoted: int = SHOWN,
) -> Iterator[Finding]:
    """Training that raises an exception in its first step.

    ## What it finds
    A rehearsed step, over the longest rows at the real batch size, that ended in an exception; with
    its cause where the text stands for one.

    ## Why it matters
    The run would end there, after the model was loaded, the data was prepared and a machine was
    paid for.

    ## How it is measured
    The trainer's own `train()` takes one step on a copy. What it raises is held against the table
    of known exception texts, of which each stands for one cause; the text is quoted up to
    `max_quoted` (400) characters. A known text gives high confidence, another one medium, because
    the copy has fewer rows and no evaluation. The place is the last line of the user's own files
    that was running. What comes of the collator, of columns that are taken out, of labels that do
    not fit the head, of a missing padding token or of nothing being trainable is told by other
    checks.

    ## Example
    A classification head replaced by hand with three outputs while `config.num_labels` is 2:
    `Expected input batch_size (6) to match target batch_size (4)`.

    ## Fix
    What the cause asks for.

    ## When it is wrong
    When the copy lacks what the training script adds after the trainer is built.

    ## Sources
    The thread that the finding names. Faults C05, O12, P13 and P28 of the catalogue.
    """
    if state.raised is None:
        return
    if batch is not None and batch.train.error is not None:
        reason = "the collator raises already, which another check tells"
        raise NotApplicableError(reason)
    if setup is not None and not setup.trainable:
        reason = "nothing is trainable, which another check tells"
        raise NotApplicableError(reason)
    if first is not None and cause(first) in TOLD_ELSEWHERE:
        reason = f"another check tells of {cause(first).value}"
        raise NotApplicableError(reason)
    own = first.raised if first is not None else None
    known = next((known for known in KNOWN if known.pattern.search(state.raised)), None)
    why, fix = _cause(known, setup)
    yield Finding(
        message=f"the first training step raises {state.raised[:max_quoted]}{why}",
        where=(
            File(path=own.file)
            if own is not None and own.file is not None
            else Tensor(name=setup.model if setup is not None else "model"),
        ),
        evidence=(
            Text(name="exception", text=state.raised[: 4 * max_quoted]),
            *_own_line(own),
        ),
        impact="the run ends before anything is learned",
        confidence=Confidence.MEDIUM if known is None else Confidence.HIGH,
        fixes=(Fix(title=fix, safety=Safety.MANUAL),),
    )


def _own_line(own: Raised | None) -> tuple[Text, ...]:
    if own is None or not own.code:
        return ()
    return (Text(name=f"line {own.line} of {own.file}", text=own.code),)


def _cause(known: KnownException | None, setup: Setup | None) -> tuple[str, str]:
    """Why it raises, to be put behind the text, and what to do."""
    rows, labels = (setup.head_rows, setup.labels) if setup is not None else (None, None)
    if rows is not None and labels is not None and rows != labels:
        return (
            f": the head has {rows:,} outputs and config.num_labels is {labels:,}",
            (
                "load the model with num_labels set instead of replacing its head by hand, or set "
                f"config.num_labels to {rows}"
            ),
        )
    if known is not None:
        return f": {known.cause}", f"{known.fix} (told at {known.source})"
    return "", "repair what the exception tells of; training stops at it as well"
