"""DAT050: preference pairs whose chosen and rejected answers are the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Number, Severity, Table
from tunewell.core.words import counted
from tunewell.facts.near.folding import folded
from tunewell.facts.pairs.preferences import blank, lengths, sides
from tunewell.facts.parts import parts, require_kind
from tunewell.facts.writing.flagged import flag
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Texts

EXAMPLES = 5
LOOKED_AT, COMPARED = 64, 16
"""Characters of an answer that are folded first, and how many of the result must agree: folding
whole answers takes twenty times as long."""


@check("DAT050", category=Category.CORRECTNESS, severity=Severity.ERROR)
def identical_pair(dataset: Dataset) -> Iterator[Finding]:
    """Preference pairs whose chosen and rejected answers are the same.

    ## What it finds
    Rows of any split of preference data whose two answers are equal, to the letter or apart from
    case, punctuation marks and white space.

    ## Why it matters
    The loss of such a pair is the same whatever the model does: DPO's gradient is the difference
    of two equal terms. The row costs memory and time and teaches nothing. Where the answers differ
    in a comma alone, all the weight of the pair falls on that comma.

    ## How it is measured
    By comparing the two answers as they are and after folding. Equal answers are an error; answers
    that are equal only after folding are a warning, because a preference for upper case or for a
    full stop can be meant. HH-RLHF's harmless test has three such pairs, `You're welcome.` against
    `You're welcome!`, once this way and twice the other. Rows with empty answers on both sides
    belong to empty-side.

    ## Example
    `chosen` and `rejected` are both `I do not know.`

    ## Fix
    Drop the rows.

    ## When it is wrong
    When the answers differ in an image or a tool call that stands in another column.

    ## Sources
    Rafailov et al. 2023, "Direct Preference Optimization": the gradient of its loss vanishes for
    equal answers. Truncation can make answers equal too (fault R03 of the catalogue); that is not
    seen here.
    """
    require_kind(dataset, {Kind.PREFERENCE})
    same = flag(dataset, lambda split: _equal(split, loosely=False))
    found = flag(dataset, lambda split: _equal(split, loosely=True))
    if not found.count:
        return
    nearly = found.count - same.count
    told = []
    if same.count:
        told.append(f"{same.of_all} have the same answer as chosen and rejected")
    if nearly:
        told.append(
            f"{nearly:,} of {counted(found.total, 'pair')} differ in case, punctuation or white "
            "space alone"
        )
    yield Finding(
        message="; ".join(told),
        where=found.where,
        evidence=(
            *(
                Number(name=name, value=number, bound="0 rows", unit="rows")
                for name, number in (("equal answers", same.count), ("equal after folding", nearly))
                if number
            ),
            Table(
                name="equal answers",
                columns=("split", "line", "chosen", "rejected"),
                rows=tuple(
                    (split.name, split.lines[row], both.chosen[row], both.rejected[row])
                    for split, rows in zip(found.splits, found.rows, strict=True)
                    for both in (sides(split),)
                    for row in rows[:EXAMPLES].tolist()
                )[:EXAMPLES],
                total=found.count,
            ),
        ),
        impact="these rows cost compute and say nothing about which answer is better",
        fixes=(found.drop("pair"),),
        severity=Severity.ERROR if same.count else Severity.WARNING,
    )


def _equal(split: Split, *, loosely: bool) -> NDArray[np.int64]:
    """The numbers of the chosen answers that are also rejected, where they are not empty."""
    both = sides(split)
    rows = np.arange(len(both))
    columns = (both.chosen, both.rejected)
    if loosely:
        rows = _begin_alike(*columns)
        columns = (
            Texts(folded(both.chosen.take(rows).column)),
            Texts(folded(both.rejected.take(rows).column)),
        )
    filled = ~(blank(both.chosen) & blank(both.rejected))[rows]
    rows = rows[_same(*columns) & filled]
    at: NDArray[np.int64] = parts(split).start[rows] + both.chosen_part[rows]
    return at


def _begin_alike(one: Texts, other: Texts) -> NDArray[np.int64]:
    """Pairs whose folded beginnings agree: only these can be equal when folded as a whole."""
    import pyarrow.compute as pc  # noqa: PLC0415  0.15 s that --help need not wait for

    begins = [
        Texts(folded(pc.utf8_slice_codeunits(texts.column, 0, LOOKED_AT))) for texts in (one, other)
    ]
    alike = _same(*(Texts(pc.utf8_slice_codeunits(b.column, 0, COMPARED)) for b in begins))
    # A beginning of marks and blanks says nothing, nor does one that the cut may have changed.
    short = (lengths(begins[0]) <= COMPARED) | (lengths(begins[1]) <= COMPARED)
    return np.flatnonzero(alike | short)


def _same(one: Texts, other: Texts) -> NDArray[np.bool_]:
    import pyarrow.compute as pc  # noqa: PLC0415  as above

    equal = pc.equal(one.column, other.column)
    if not len(one):
        return np.zeros(0, dtype=bool)
    return np.asarray(equal.combine_chunks().to_numpy(zero_copy_only=False), dtype=bool)
