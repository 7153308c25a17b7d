"""DAT030: the rest of a text stands in columns without a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
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
from tunewell.facts.parts import places
from tunewell.subjects.dataset import Dataset, Split

EXAMPLES = 5
UNNAMED = re.compile(r"(?i)(?:column|unnamed|_c|field|col)?[ _:]*[0-9]*")
"""What readers call a column whose header is empty."""


@check("DAT030", category=Category.CORRECTNESS, severity=Severity.WARNING)
def text_in_unnamed_columns(
    dataset: Dataset, *, max_rows: int = 0, most_share: float = 0.5
) -> Iterator[Finding]:
    """Texts that were cut at a delimiter, with the rest in columns without a name.

    ## What it finds
    Rows of a CSV or TSV file whose unnamed columns, right behind the text, hold something.

    ## Why it matters
    The model reads only the first piece of these texts. The rest, often the part that tells the
    class, is lost without a word.

    ## How it is measured
    Columns count that have no name in the header, stand directly behind the text column, and are
    filled in at most `most_share` of the rows (0.5: a column that most rows fill holds data of its
    own). More than `max_rows` (0: a written file has none) are reported.

    ## Example
    `ham,Wen u miss someone, the person is special,,` under the header `v1,v2,,,`.

    ## Fix
    Join the pieces with the delimiter between them, as they stood before they were cut. That
    changes what is learned, so it waits for `--unsafe-fixes`. The unnamed columns stay.

    ## When it is wrong
    When somebody keeps remarks on a few rows in a column without a name.

    ## Sources
    The SMS Spam Collection as it is most often downloaded: 50 of 5,572 rows.
    """
    where: list[Row] = []
    edits: list[SetText] = []
    shown: list[tuple[str | float | int | None, ...]] = []
    total = 0
    looked = False
    for split in dataset.splits:
        columns = _behind_the_text(split)
        looked |= bool(columns)
        total += len(split)
        if not columns:
            continue
        cut = [(row, rest) for row in range(len(split)) if (rest := _rest(split, columns, row))]
        if len(cut) > most_share * len(split):
            continue
        where += places(split, [row for row, _ in cut])
        for row, rest in cut:
            old = split.texts[row]
            edits.append(SetText(split=split.name, row=row, old=old, new=old + rest))
            shown.append((split.name, int(split.lines[row]), old, rest))
    if not looked:
        reason = "no column without a name stands behind the text"
        raise NotApplicableError(reason)
    if len(where) <= max_rows:
        return
    yield Finding(
        message=(
            f"{len(where):,} of {counted(total, 'row')} {'goes' if len(where) == 1 else 'go'} on "
            "in columns without a name, which nothing reads"
        ),
        where=tuple(where),
        evidence=(
            Number(
                name="rows that go on",
                value=100 * len(where) / total,
                unit="%",
                bound=f"at most {max_rows:,} rows",
            ),
            Table(
                name="texts that were cut",
                columns=("split", "line", "text", "the rest"),
                rows=tuple(shown[:EXAMPLES]),
                total=len(shown),
            ),
        ),
        impact="the model learns from the first piece of these texts alone",
        fixes=(
            Fix(
                title=f"join the pieces of {counted(len(edits), 'text')}",
                safety=Safety.UNSAFE,
                edits=tuple(edits),
            ),
        ),
    )


def _behind_the_text(split: Split) -> list[str]:
    """The columns without a name that directly follow the text, in the order of the file."""
    source = split.source
    if source.format not in {"csv", "tsv"} or source.text_column not in source.columns:
        return []
    if UNNAMED.fullmatch(source.text_column):
        return []  # a file without a header names nothing
    columns: list[str] = []
    for name in source.columns[source.columns.index(source.text_column) + 1 :]:
        if not UNNAMED.fullmatch(name) or name not in split.extra:
            break
        columns.append(name)
    return columns


def _rest(split: Split, columns: list[str], row: int) -> str:
    """What was cut off a text, with its delimiters; "" where the text is whole."""
    cells = [split.extra[name][row] for name in columns]
    while cells and cells[-1] in (None, ""):
        cells.pop()
    delimiter = split.source.delimiter or ","
    rest = "".join(delimiter + ("" if cell is None else str(cell)) for cell in cells)
    return "" if split.texts[row].endswith(rest) else rest
