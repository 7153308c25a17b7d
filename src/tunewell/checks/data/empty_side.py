"""DAT051: preference pairs with an empty answer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Number, Severity, Table
from tunewell.core.words import counted
from tunewell.facts.pairs.preferences import blank, sides
from tunewell.facts.parts import parts, require_kind
from tunewell.facts.writing.flagged import flag
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

EXAMPLES = 5


@check("DAT051", category=Category.CORRECTNESS, severity=Severity.ERROR)
def empty_side(dataset: Dataset) -> Iterator[Finding]:
    """Preference pairs in which the chosen or the rejected answer is empty.

    ## What it finds
    Rows of any split of preference data with an answer that is missing, empty or white space alone.

    ## Why it matters
    An empty chosen answer teaches the model to say nothing and end. An empty rejected answer is
    told from the chosen one by its first token, so the pair teaches nothing about answers.

    ## How it is measured
    By the characters of each answer without white space. An empty chosen answer is an error, an
    empty rejected one alone a warning. The 2,312 pairs of the HH-RLHF harmless test have four empty
    chosen answers.

    ## Example
    `chosen` ends in `Assistant:` and nothing follows.

    ## Fix
    Drop the rows, or look the answers up where the data came from.

    ## When it is wrong
    When silence is the answer that is wanted, for example of a bot in a group chat.

    ## Sources
    Counted in HH-RLHF (Bai et al. 2022). Truncation can empty answers too (fault R03 of the
    catalogue); that is not seen here.
    """
    require_kind(dataset, {Kind.PREFERENCE})
    found = flag(dataset, _empty)
    if not found.count:
        return
    chosen = found.of(frozenset({Role.CHOSEN})).count
    rejected = found.of(frozenset({Role.REJECTED})).count
    listed = " and ".join(
        counted(number, f"empty {side} answer")
        for side, number in (("chosen", chosen), ("rejected", rejected))
        if number
    )
    yield Finding(
        message=f"{found.of_all} lack an answer: {listed}",
        where=found.where,
        evidence=(
            *(
                Number(name=f"empty {side} answers", value=number, bound="0 rows", unit="rows")
                for side, number in (("chosen", chosen), ("rejected", rejected))
                if number
            ),
            Table(
                name="pairs with an empty answer",
                columns=("split", "line", "chosen", "rejected"),
                rows=tuple(
                    (split.name, split.lines[row], sides(split).chosen[row], other)
                    for split, rows in zip(found.splits, found.rows, strict=True)
                    for row in rows[:EXAMPLES].tolist()
                    for other in (sides(split).rejected[row],)
                )[:EXAMPLES],
                total=found.count,
            ),
        ),
        impact=(
            "the model is taught to answer nothing"
            if chosen
            else "these pairs are told apart without reading the answer"
        ),
        fixes=(found.drop("pair"),),
        severity=Severity.ERROR if chosen else Severity.WARNING,
    )


def _empty(split: Split) -> NDArray[np.int64]:
    """The numbers of the empty answers."""
    both = sides(split)
    start = parts(split).start[:-1]
    return np.concatenate(
        (
            (start + both.chosen_part)[blank(both.chosen)],
            (start + both.rejected_part)[blank(both.rejected)],
        )
    )
