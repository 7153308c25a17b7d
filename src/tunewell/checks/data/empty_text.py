"""DAT004: texts that are empty."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Severity
from tunewell.core.words import counted
from tunewell.facts.parts import of_roles, parts
from tunewell.facts.scan import Screen, fitting
from tunewell.facts.writing.flagged import flag
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

BLANK = r"^[\s\x1c-\x1f\u200b-\u200d\u2060\ufeff]*$"
"""White space, and characters that take no room on the page."""

CLASSIFIED = frozenset({Role.TEXT, Role.SECOND, Role.NEGATIVE})
ASKING = frozenset({Role.PROMPT, Role.OTHER})
ANSWERS = frozenset({Role.ANSWER})


@check(
    "DAT004",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D36",),
)
def empty_text(dataset: Dataset, *, max_rows: int = 0) -> Iterator[Finding]:
    """Rows with a text, question or answer that is empty or only white space.

    ## What it finds
    Rows of any split with a text, one side of a text pair, a prompt, an answer or a message that
    has no character other than white space or zero-width characters.

    ## Why it matters
    A classifier sees only its special tokens and is still told to answer with a label. A language
    model learns to end at once where it should answer, or to answer a question that nobody asked.

    ## How it is measured
    By searching for texts without a visible character. The bound is `max_rows`, 0 by default: a
    model can learn nothing from such a row. An empty input of an instruction is no fault: it
    means that there is none. Neither are empty system messages and tool results. An empty prompt
    counts only if some other row has one, and not beside an input that is not empty: a data set
    without any prompt is plain text on purpose. The sides of a preference pair have a check of
    their own. Empty answers and classified texts are errors, the rest are warnings.

    ## Example
    `"","card_arrival"` in a CSV file; `{"instruction": "Write a haiku.", "output": ""}`.

    ## Fix
    Drop the rows.

    ## When it is wrong
    When an empty message is a real input that has a label of its own, or when the model is to say
    nothing in some situations.

    ## Sources
    Fault D36 of the catalogue. Stanford's Alpaca has 28 empty answers in 52,002 rows.
    """
    found = flag(dataset, _empty)
    if found.count <= max_rows:
        return
    grave = found.of(ANSWERS).count + (
        found.of(CLASSIFIED).count if dataset.kind is not Kind.TEXT else 0
    )
    what = _missing(found.of(ANSWERS).count, found.of(ASKING).count, found.count)
    verb = "has" if found.count == 1 else "have"
    yield Finding(
        message=f"{found.of_all} {verb} {what}",
        where=found.where,
        evidence=(found.number("rows without text", f"at most {counted(max_rows, 'row')}"),),
        impact="the model is trained or judged on nothing in these rows",
        fixes=(found.drop("empty row"),),
        severity=Severity.ERROR if grave else Severity.WARNING,
    )


def _missing(answers: int, asking: int, rows: int) -> str:
    if answers == rows:
        return "an empty answer"
    if asking == rows:
        return "an empty question"
    return "an empty question or answer" if answers or asking else "no text"


def _empty(split: Split) -> NDArray[np.int64]:
    """The numbers of the empty parts that should not be empty."""
    at = fitting(split, Screen(BLANK, roles=CLASSIFIED | ASKING | ANSWERS))
    known = parts(split)
    prompts = known.role[at] == Role.PROMPT
    if not prompts.any():
        return at
    if int(prompts.sum()) == len(of_roles(split, frozenset({Role.PROMPT}))):
        # No row has a prompt: the data set is meant to have none.
        kept = ~prompts
    else:
        row = np.searchsorted(known.start, at, side="right") - 1
        kept = ~(prompts & np.isin(row, known.row[known.role == Role.INPUT]))
    faulty: NDArray[np.int64] = at[kept]
    return faulty
