"""DAT013: text whose bytes were read in the wrong encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    SetText,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.parts import parts, places
from tunewell.facts.scan import Screen, fitting, rows_of
from tunewell.facts.writing.mojibake import LOST, SCREEN, repaired
from tunewell.subjects.dataset import Dataset

EXAMPLES = 6
AROUND = 24
"""Characters shown before and after the first difference."""


@check("DAT013", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D56",))
def mojibake(dataset: Dataset, *, max_rows: int = 0) -> Iterator[Finding]:
    """Text that was read in the wrong encoding, so that other characters stand in it.

    ## What it finds
    UTF-8 that was read as Windows-1252, Latin-1, Mac Roman or another single-byte encoding, once
    or several times, and the replacement characters that stand where bytes could not be read.

    ## Why it matters
    The model learns to write the wrong characters, and at run time it meets the right ones, which
    it has not seen. A pound sign that became two characters also becomes several tokens.

    ## How it is measured
    A pattern finds the pairs of characters that such a misreading leaves; `ftfy` then decides and
    repairs, and one double misreading through Mac Roman that it does not know is undone here. On
    the 161 cases that ftfy's makers collected, all 120 of the kinds that can be repaired come out
    as they should and none of the 31 lookalikes is flagged. More than `max_rows` rows (0: a file
    in the right encoding has none) are reported.

    ## Example
    The text "cafe" with an accent that became "cafÃ©".

    ## Fix
    Put the repaired text in its place. It changes what is learned, which is the point, so it waits
    for `--unsafe-fixes`; ftfy's makers list ten texts whose repair is not the original. A
    replacement character cannot be repaired: read the source again in its own encoding, or drop
    the row.

    ## When it is wrong
    When the rows teach about such text, or when letters are used as pictures.

    ## Sources
    Fault D56 of the catalogue; Speer 2019, "ftfy", and its test cases.
    """
    edits: list[SetText] = []
    where: list[Row] = []
    shown: list[tuple[str | float | int | None, ...]] = []
    lost = total = 0
    for split in dataset.splits:
        total += len(split)
        known = parts(split)
        row_of = known.row
        wrong: list[int] = []
        for at in fitting(split, Screen(SCREEN)).tolist():
            old = known.texts[at]
            new = repaired(old)
            gone = bool(re.search(LOST, new))
            lost += gone
            if new == old and not gone:
                continue
            wrong.append(at)
            row = int(row_of[at])
            if len(shown) < EXAMPLES and new != old:
                shown.append((split.name, int(split.lines[row]), *_quoted(old, new)))
            if new != old:
                part = at - int(known.start[row])
                edits.append(SetText(split=split.name, row=row, part=part, old=old, new=new))
        where += places(split, rows_of(split, np.array(wrong, dtype=np.int64)))
    if len(where) <= max_rows:
        return
    fixes: tuple[Fix, ...] = (
        Fix(title="read the source again in its own encoding", safety=Safety.MANUAL),
    )
    if edits:
        title = f"put the repaired text in {counted(len(edits), 'place')}"
        fixes = (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)), *fixes * bool(lost))
    more = f"; in {counted(lost, 'text')} characters are lost for good" if lost else ""
    yield Finding(
        message=(
            f"{len(where):,} of {counted(total, 'row')} {'was' if len(where) == 1 else 'were'} "
            f"read in the wrong encoding{more}"
        ),
        where=tuple(where),
        evidence=(
            Number(
                name="rows with mojibake",
                value=100 * len(where) / total,
                unit="%",
                bound=f"at most {max_rows:,} rows",
            ),
            Table(
                name="repairs",
                columns=("split", "line", "as it stands", "repaired"),
                rows=tuple(shown),
                total=len(edits),
            ),
        ),
        impact="the model learns characters that no reader or user writes",
        fixes=fixes,
    )


def _quoted(old: str, new: str) -> tuple[str, str]:
    """Both texts around the first place where they differ."""
    first = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(new))
    low = max(0, first - AROUND)
    return old[low : first + AROUND], new[low : first + AROUND]
