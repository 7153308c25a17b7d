"""DAT041: conversations without an answer, or that end before one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity
from tunewell.core.words import counted
from tunewell.facts.parts import parts
from tunewell.facts.turns.irregular import Noted
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.parts import LEARNED, Role

NO_ANSWER = "no turn of the assistant"


@check("DAT041", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D20",))
def conversation_without_answer(dataset: Dataset, *, max_share: float = 0.0) -> Iterator[Finding]:
    """Conversations in which the assistant says nothing, or that end with another speaker.

    ## What it finds
    Rows of chat data without any turn of the assistant, and rows whose last turn is the user's, a
    tool's or the system's.

    ## Why it matters
    With the loss on answers alone such a row teaches nothing, and where a whole batch is so, its
    loss is not a number. With the loss on everything the model learns to write the user's turns.

    ## How it is measured
    By the role of each turn; a tool call counts as the assistant's. More than `max_share` of the
    rows, 0 by default, is a warning. Rows without any answer are an error where most rows have one:
    then they are no prompts for a trainer that samples answers itself. Where no row has an answer,
    the file is taken for such prompts, and this is information.

    ## Example
    `[{"role": "user", "content": "Hi"}, {"role": "user", "content": "Are you there?"}]`

    ## Fix
    Drop the rows without an answer; cut the others after their last answer.

    ## When it is wrong
    When the answers were left out on purpose, for a trainer that samples them (GRPO, online DPO).

    ## Sources
    Fault D20 of the catalogue.
    """
    talks = [split for split in dataset.splits if "messages" in split.source.layout.columns]
    if not talks:
        reason = "the data holds no conversations"
        raise NotApplicableError(reason)
    found = Noted(talks, [_unanswered(split) for split in talks])
    if not found.count or found.share <= max_share:
        return
    silent = found.kinds[NO_ANSWER]
    total = sum(map(len, talks))
    if silent == total:
        yield _prompts_alone(found, total)
        return
    drop = Noted(
        talks,
        [{row: said for row, said in d.items() if NO_ANSWER in said} for d in found.details],
    )
    ends = found.count - silent
    clauses = [
        clause
        for number, clause in (
            (silent, f"{silent:,} without any turn of the assistant"),
            (ends, f"{ends:,} with turns after the last answer"),
        )
        if number
    ]
    cut = Fix(title=f"cut {counted(ends, 'row')} after the last answer", safety=Safety.MANUAL)
    yield Finding(
        message=f"{found.of_rows} do not end with an answer: {', '.join(clauses)}",
        where=found.where,
        evidence=(
            found.number("rows that do not end with an answer", f"at most {100 * max_share:g} %"),
            found.table("how rows end"),
        ),
        impact="these turns teach nothing, or teach to write the user's words",
        fixes=(*((drop.drop(),) if silent else ()), *((cut,) if ends else ())),
        severity=Severity.ERROR if 0 < silent < total / 2 else Severity.WARNING,
    )


def _prompts_alone(found: Noted, total: int) -> Finding:
    return Finding(
        message=f"none of {counted(total, 'conversation')} has an answer: they are prompts",
        where=found.where,
        evidence=(found.number("rows without an answer", "of a file for supervised training"),),
        impact="only a trainer that samples answers itself can use them",
        fixes=(Fix(title="pass the file with the answers", safety=Safety.MANUAL),),
        severity=Severity.INFO,
        confidence=Confidence.MEDIUM,
    )


def _unanswered(split: Split) -> dict[int, list[str]]:
    known = parts(split)
    answers = np.isin(known.role, [int(role) for role in LEARNED])
    has = _any(answers, known.start)
    ends = answers[known.start[1:] - 1] if len(known.role) else has
    found: dict[int, list[str]] = {}
    for row in np.flatnonzero(~has | ~ends).tolist():
        last = Role(int(known.role[known.start[row + 1] - 1])).word
        said = f"ends with {last}" if has[row] else NO_ANSWER
        found[row] = [said]
    return found


def _any(flags: NDArray[np.bool_], start: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether any flag of each row is set."""
    sums = np.concatenate(([0], np.cumsum(flags)))
    return np.asarray(sums[start[1:]] > sums[start[:-1]])
