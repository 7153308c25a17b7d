"""DAT050: preference pairs whose chosen and rejected answers are the same."""

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
from tunewell.facts.folding import folded
from tunewell.facts.parts import places, require_kind
from tunewell.facts.preferences import blank, sides
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind

EXAMPLES = 5


@check("DAT050", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("R03",))
def identical_pair(dataset: Dataset) -> Iterator[Finding]:
    """Preference pairs whose chosen and rejected answers are the same.

    ## What it finds
    Training rows of preference data whose two answers are equal, to the letter or apart from case,
    punctuation marks and white space.

    ## Why it matters
    The loss of such a pair is the same whatever the model does: DPO's gradient is the difference
    of two equal terms. The row costs memory and time and teaches nothing. Where the answers differ
    in a comma alone, all the weight of the pair falls on that comma.

    ## How it is measured
    By comparing the two answers as they are and after folding. Equal answers are an error; answers
    that are equal only after folding are a warning, because a preference for upper case or for a
    full stop can be meant. Rows with empty answers on both sides belong to empty-side.

    ## Example
    `chosen` and `rejected` are both `I do not know.`

    ## Fix
    Drop the rows.

    ## When it is wrong
    When the answers differ in an image or a tool call that stands in another column.

    ## Sources
    Rafailov et al. 2023, "Direct Preference Optimization", equation 7: the gradient vanishes for
    equal answers. Fault R03 of the catalogue is the same loss of signal after truncation.
    """
    require_kind(dataset, {Kind.PREFERENCE})
    train = dataset.train
    both = sides(train)
    if not len(both):
        return
    filled = ~(blank(both.chosen) & blank(both.rejected))
    exact = _equal(both.chosen.column, both.rejected.column) & filled
    loose = _equal(folded(both.chosen.column), folded(both.rejected.column)) & filled & ~exact
    rows = np.flatnonzero(exact | loose)
    if not len(rows):
        return
    same, nearly = int(exact.sum()), int(loose.sum())
    told = []
    if same:
        told.append(f"{same:,} of {len(both):,} pairs have the same answer as chosen and rejected")
    if nearly:
        told.append(
            f"{nearly:,} of {len(both):,} pairs differ in case, punctuation or white space alone"
        )
    yield Finding(
        message="; ".join(told),
        where=places(train, rows),
        evidence=(
            Number(name="equal answers", value=same, bound="0 rows", unit="rows"),
            Number(name="equal after folding", value=nearly, bound="0 rows", unit="rows"),
            Table(
                name="equal answers",
                columns=("line", "chosen", "rejected"),
                rows=tuple(
                    (train.lines[row], both.chosen[row], both.rejected[row])
                    for row in rows[:EXAMPLES].tolist()
                ),
                total=len(rows),
            ),
        ),
        impact="these rows cost compute and say nothing about which answer is better",
        fixes=(
            Fix(
                title=f"drop {counted(len(rows), 'pair')}",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(rows.tolist())),),
            ),
        ),
        severity=Severity.ERROR if same else Severity.WARNING,
    )


def _equal(one: object, other: object) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    import pyarrow.compute as pc  # noqa: PLC0415  0.15 s that --help need not wait for

    found = pc.equal(one, other).combine_chunks().to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=bool)
