"""DAT002: rows of a data file that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, Severity, Table
from tunewell.subjects.dataset import Dataset

PROBLEMS_SHOWN = 10


@check("DAT002", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D21",))
def broken_rows(
    dataset: Dataset, *, max_rows: int = 0, error_share: float = 0.01
) -> Iterator[Finding]:
    """Rows that cannot be read and would be lost, or would stop the loader.

    ## What it finds
    Rows with the wrong number of fields, quotes that never close, invalid JSON, a text that is no
    string, bytes that are no UTF-8, and rows of more than a million characters. Also a gzip file
    that is cut short or damaged, and a file of several that cannot be read at all.

    ## Why it matters
    A loader either stops at such a row or leaves it out without a word; a quote that never closes
    swallows every row after it.

    ## How it is measured
    By reading the file row by row and going on after each one that fails. More than `max_rows`
    such rows, 0 by default because a written file has none, is a warning. From `error_share` of
    all rows on it is an error: 1 % is what a loader may lose before a class of a hundredth of the
    data can be gone. It is an error too where a file ends early, since nobody knows then how many
    rows are lost.

    ## Example
    `where is my card?, it has not come,card_arrival` under the header `text,category`: the comma
    in the text was not quoted.

    ## Fix
    Mend the rows at the lines that are listed, or write the file again with a CSV or JSON library.

    ## When it is wrong
    When the file holds comments or page breaks between its rows on purpose.

    ## Sources
    Fault D21 of the catalogue; RFC 4180 for CSV.
    """
    places: list[Row] = []
    problems: list[tuple[str | float | int | None, ...]] = []
    total = 0
    cut = any(broken.ends_file for split in dataset.splits for broken in split.broken)
    for split in dataset.splits:
        total += len(split) + len(split.broken)
        for broken in split.broken:
            file = str(broken.path or split.source.path)
            places.append(Row(split=split.name, index=-1, file=file, line=broken.line))
            problems.append((split.name, broken.line, broken.problem))
    if len(places) <= max_rows:
        return
    first = problems[0]
    yield Finding(
        message=(
            f"{len(places):,} of {total:,} rows cannot be read; the first, at line {first[1]:,} of "
            f"{first[0]}, {first[2]}"
        ),
        where=tuple(places),
        evidence=(
            Number(
                name="rows that cannot be read",
                value=100 * len(places) / total,
                unit="%",
                bound=f"at most {max_rows:,} rows",
            ),
            Table(
                name="problems",
                columns=("split", "line", "problem"),
                rows=tuple(problems[:PROBLEMS_SHOWN]),
                total=len(problems),
            ),
        ),
        impact="the rest of the file is lost" if cut else "these rows are lost, or stop the loader",
        fixes=(Fix(title="mend the rows at these lines", safety=Safety.MANUAL),),
        severity=Severity.ERROR if cut or len(places) >= error_share * total else Severity.WARNING,
    )
