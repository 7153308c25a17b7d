"""DAT004: rows whose text is empty."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, DropRows, Finding, Fix, Number, Row, Safety, Severity
from tunewell.subjects.dataset import Dataset


@check(
    "DAT004",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D36",),
)
def empty_text(dataset: Dataset, *, max_rows: int = 0) -> Iterator[Finding]:
    """Rows whose text is empty or only white space.

    ## What it finds
    Rows of any split whose text has no character other than white space.

    ## Why it matters
    The model sees only its special tokens and is still told to answer with a label. It learns the
    label of nothing, and at evaluation the row is a coin toss that counts.

    ## How it is measured
    By stripping Unicode white space. The bound is `max_rows`, 0 by default, because a text
    classifier can learn nothing from such a row.

    ## Example
    `"","card_arrival"` in a CSV file.

    ## Fix
    Drop the rows.

    ## When it is wrong
    When an empty message is a real input that has a label of its own.

    ## Sources
    Fault D36 of the catalogue.
    """
    places: list[Row] = []
    edits: list[DropRows] = []
    total = 0
    for split in dataset.splits:
        rows = tuple(index for index, text in enumerate(split.texts) if not text.strip())
        total += len(split)
        if rows:
            edits.append(DropRows(split=split.name, rows=rows))
            places += [
                Row(
                    split=split.name,
                    index=index,
                    file=str(split.source.path),
                    line=split.lines[index],
                )
                for index in rows
            ]
    if len(places) <= max_rows:
        return
    noun = "row has" if len(places) == 1 else "rows have"
    yield Finding(
        message=f"{len(places):,} of {total:,} {noun} no text",
        where=tuple(places),
        evidence=(
            Number(
                name="rows without text",
                value=100 * len(places) / total,
                unit="%",
                bound=f"at most {max_rows:,} rows",
            ),
        ),
        impact="the model is trained or judged on nothing in these rows",
        fixes=(
            Fix(
                title=f"drop {len(places):,} empty {'row' if len(places) == 1 else 'rows'}",
                safety=Safety.UNSAFE,
                edits=tuple(edits),
            ),
        ),
    )
