"""DAT008: the same training text under different labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    DropRows,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.duplicates import groups
from tunewell.facts.parts import require_kind
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind

EXAMPLES = 10


@check("DAT008", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D31",))
def conflicting_labels(dataset: Dataset, *, max_texts: int = 0) -> Iterator[Finding]:
    """Training rows with the same text and different labels.

    ## What it finds
    Training texts that are equal apart from case, punctuation marks and white space and have more
    than one label.

    ## Why it matters
    No model can be right on all of these rows, and each pulls against the other in training. They
    show where the classes are not told apart clearly, so there are likely more such rows.

    ## How it is measured
    By comparing folded texts. More than `max_texts` such texts, 0 by default because a single-label
    task allows none, is a warning.

    ## Example
    `my top up is pending`, once `pending_top_up` and once `top_up_failed`.

    ## Fix
    Keep the label that most of the rows have and drop the others; where no label leads, drop all.

    ## When it is wrong
    When a text may have several labels: then the task is multi-label. Or when case or punctuation
    decides the label.

    ## Sources
    Fault D31 of the catalogue; Northcutt et al. 2021, "Pervasive Label Errors in Test Sets".
    """
    require_kind(dataset, {Kind.CLASSIFICATION})
    train = dataset.train
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups(dataset).group[: len(train)].tolist()):
        if group >= 0 and train.labels[row] is not None:
            rows_of[group].append(row)
    places: list[int] = []
    drop: list[int] = []
    examples: list[tuple[str | float | int | None, ...]] = []
    for rows in rows_of.values():
        counts = Counter(train.labels[row] for row in rows)
        if len(counts) == 1:
            continue
        places += rows
        (leader, most), (_, second) = counts.most_common(2)
        drop += [row for row in rows if most == second or train.labels[row] != leader]
        lines = ", ".join(str(train.lines[row]) for row in rows)
        examples.append((lines, train.texts[rows[0]], ", ".join(map(str, counts))))
    if len(examples) <= max_texts:
        return
    file = str(train.source.path)
    noun = "text has" if len(examples) == 1 else "texts have"
    yield Finding(
        message=f"{len(examples):,} training {noun} more than one label ({len(places):,} rows)",
        where=tuple(
            Row(split=train.name, index=row, file=file, line=train.lines[row])
            for row in sorted(places)
        ),
        evidence=(
            Number(
                name="rows whose label is contradicted",
                value=100 * len(places) / len(train),
                unit="%",
                bound=f"at most {max_texts:,} texts",
            ),
            Table(
                name="texts with several labels",
                columns=("lines", "text", "labels"),
                rows=tuple(examples[:EXAMPLES]),
                total=len(examples),
            ),
        ),
        impact="these rows pull against each other, and no model can be right on all of them",
        fixes=(
            Fix(
                title=f"drop {len(drop):,} contradicted {'row' if len(drop) == 1 else 'rows'}",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(sorted(drop))),),
            ),
        ),
    )
