"""DAT051: preference pairs with an empty answer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    DropRows,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.parts import places, require_kind
from tunewell.facts.preferences import blank, sides
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind

EXAMPLES = 5


@check("DAT051", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("R03",))
def empty_side(dataset: Dataset) -> Iterator[Finding]:
    """Preference pairs in which the chosen or the rejected answer is empty.

    ## What it finds
    Training rows of preference data with an answer that is missing, empty or white space alone.

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
    Counted in HH-RLHF (Bai et al. 2022). Fault R03 of the catalogue is the same after truncation.
    """
    require_kind(dataset, {Kind.PREFERENCE})
    train = dataset.train
    both = sides(train)
    without = {"chosen": blank(both.chosen), "rejected": blank(both.rejected)}
    rows = np.flatnonzero(without["chosen"] | without["rejected"])
    if not len(rows):
        return
    counts = {side: int(found.sum()) for side, found in without.items()}
    listed = " and ".join(
        f"{counted(number, f'empty {side} answer')}" for side, number in counts.items() if number
    )
    share = 100 * len(rows) / len(both)
    yield Finding(
        message=f"{len(rows):,} of {len(both):,} pairs ({share:.2g} %) have {listed}",
        where=places(train, rows),
        evidence=(
            *(
                Number(name=f"empty {side} answers", value=number, bound="0 rows", unit="rows")
                for side, number in counts.items()
            ),
            Table(
                name="pairs with an empty answer",
                columns=("line", "chosen", "rejected"),
                rows=tuple(
                    (train.lines[row], both.chosen[row], both.rejected[row])
                    for row in rows[:EXAMPLES].tolist()
                ),
                total=len(rows),
            ),
        ),
        impact=(
            "the model is taught to answer nothing"
            if counts["chosen"]
            else "these pairs are told apart without reading the answer"
        ),
        fixes=(
            Fix(
                title=f"drop {counted(len(rows), 'pair')}",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(rows.tolist())),),
            ),
        ),
        severity=Severity.ERROR if counts["chosen"] else Severity.WARNING,
    )
