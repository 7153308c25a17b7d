"""DAT005: training rows that repeat an earlier one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

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
from tunewell.facts.near.duplicates import groups
from tunewell.facts.parts import places
from tunewell.subjects.dataset import Dataset, Split

EXAMPLES = 5


@check("DAT005", category=Category.SUSPICIOUS, severity=Severity.WARNING, covers=("D32",))
def exact_duplicate_rows(
    dataset: Dataset, *, warn_share: float = 0.02, min_rows: int = 2
) -> Iterator[Finding]:
    """Training rows with the text and the label of an earlier row.

    ## What it finds
    Rows whose text is that of an earlier training row, apart from case, punctuation marks and
    white space, and whose label is the same.

    ## Why it matters
    A repeated row counts twice in the loss, so the model fits it more closely than the rest, and
    if the data is split later, copies land on both sides.

    ## How it is measured
    By comparing folded texts. At least `min_rows` repeated rows are reported (2: a single one is
    an accident of no weight); from `warn_share` of the training rows on as a warning, below as
    information. The share of 2 % is the catalogue's bound: BANKING77 (0.3 %) and CLINC150 (0.3 %)
    are far below it, a crawled set such as SMS Spam (8 %) is above.

    ## Example
    `My card is lost!` and `my card is lost`, both `lost_or_stolen_card`.

    ## Fix
    Keep the first of each and drop the others.

    ## When it is wrong
    When the copies are real: a message that users do send more often should weigh more.

    ## Sources
    Fault D32 of the catalogue; Lee et al. 2022, "Deduplicating Training Data Makes Language Models
    Better".
    """
    train = dataset.train
    known = groups(dataset)
    seen: dict[tuple[int, str | None], int] = {}
    repeats: list[tuple[int, int]] = []
    for row, group in enumerate(known.group[: len(train)].tolist()):
        if group < 0 or train.labels[row] is None:
            continue
        first = seen.setdefault((group, train.labels[row]), row)
        if first != row:
            repeats.append((row, first))
    if len(repeats) < min_rows:
        return
    share = len(repeats) / len(train)
    yield Finding(
        message=(
            f"{len(repeats):,} of {len(train):,} training rows repeat an earlier row with the same "
            "label"
        ),
        where=places(train, [row for row, _ in repeats]),
        evidence=(
            Number(
                name="repeated rows",
                value=100 * share,
                unit="%",
                bound=f"a warning from {100 * warn_share:g} %",
            ),
            Number(
                name="rows equal to an earlier one character for character, under any label",
                value=_literal(train, known.group[: len(train)]),
                unit="rows",
            ),
            Table(
                name="repeated rows",
                columns=("line", "repeats line", "label", "text"),
                rows=tuple(
                    (train.lines[row], train.lines[first], train.labels[row], train.texts[row])
                    for row, first in repeats[:EXAMPLES]
                ),
                total=len(repeats),
            ),
        ),
        impact="these rows weigh more than the others",
        fixes=(
            Fix(
                title=f"drop {len(repeats):,} repeated rows",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(row for row, _ in repeats)),),
            ),
        ),
        severity=Severity.WARNING if share >= warn_share else Severity.INFO,
    )


def _literal(train: Split, group: NDArray[np.int64]) -> int:
    """Rows whose text comes earlier just as it stands."""
    often = np.bincount(group[group >= 0], minlength=1) > 1
    rows = np.flatnonzero((group >= 0) & often[group])
    texts = [train.texts[row] for row in rows.tolist()]
    return len(texts) - len(set(texts))
