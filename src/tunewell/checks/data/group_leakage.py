"""DAT017: pieces of one document, conversation or person on both sides of the split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Evidence,
    Finding,
    Fix,
    MoveRows,
    Number,
    Row,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.leakage.group_columns import group_key, known_groups
from tunewell.facts.leakage.judged import asked
from tunewell.facts.leakage.resplit import move_whole_groups
from tunewell.facts.leakage.runs import shared_runs
from tunewell.facts.parts import places, questions, require_judged
from tunewell.subjects.dataset import Dataset, Split

EXAMPLES = 5
EDITED = 0.9
"""Share of words in common above which two texts are copies and not pieces of one document."""


@check(
    "DAT017",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D34",),
)
def group_leakage(dataset: Dataset, *, max_share: float = 0.05) -> Iterator[Finding]:
    """Evaluation or test rows cut from documents that are also trained on.

    ## What it finds
    Pieces of one document, conversation or person on both sides of the split: by a column that
    names it (`doc_id`, `conversation_id`, `user`, `url` ...), or by long passages that evaluation
    and training rows share.

    ## Why it matters
    Rows of one document have the same topic, names and style. A model that has seen one piece
    knows more about the others than it will know about a new document.

    ## How it is measured
    Columns: the share of rows whose value is also in the training data, of columns with a name
    of that kind and at least 10 values, none on more than a tenth of the rows, most of them on
    several. Numbers that count 0, 1, 2 ... in both files are taken for each file's own. Passages:
    the share of rows that have 13 words in a row in common with a training row of another text; of
    instructions and chats, with what the user says there. What stands in more than 10 rows is a
    template and does not count; texts of which nine words in ten are alike are left to
    `paraphrased-leakage`. It speaks where either is above `max_share` (5 %): below, rows
    quote each other by nature (GSM8K 0.2 %, BANKING77 0.6 %, CLINC150 0.1 %). Of a random split of
    HH-RLHF, in which conversations begin alike, it is 5 % to 7 %.

    ## Example
    `contract-17.txt, page 3` in the training data and `contract-17.txt, page 4` in the evaluation
    data.

    ## Fix
    Split again, so that all rows of a group are on one side. Where one column names the groups, the
    fix moves rows until each group is whole: sizes and shares of labels stay about as they are.

    ## When it is wrong
    When the model will meet the same people or documents again after training, as with a model for
    one's own users; and where one sentence is quoted by many independent texts.

    ## Sources
    Fault D34 of the catalogue; Kapoor and Narayanan 2023, "Leakage and the reproducibility crisis
    in machine-learning-based science".
    """
    require_judged(dataset)
    told: list[str] = []
    where: list[Row] = []
    evidence: list[Evidence] = []
    columns: dict[str, None] = {}
    for split in dataset.splits[1:]:
        grouped = _by_column(dataset.train, split, max_share)
        passages, table = _by_passage(dataset.train, split)
        if len(passages) <= max_share * len(split):
            passages = passages[:0]
        for name, rows in grouped:
            share = 100 * len(rows) / len(split)
            columns[name] = None
            told.append(
                f"{len(rows):,} of {len(split):,} {split.name} rows ({share:.1f} %) have a "
                f"{name!r} that the training data has"
            )
            evidence += [
                _number(f"{split.name} rows of a {name} in training", share, max_share),
                _values(dataset.train, split, name, rows),
            ]
        if len(passages):
            share = 100 * len(passages) / len(split)
            told.append(
                f"{len(passages):,} of {len(split):,} {split.name} rows ({share:.1f} %) share a "
                "passage with a training row"
            )
            name = f"{split.name} rows that share 13 words in a row with a training row"
            evidence += [_number(name, share, max_share), table]
        found = sorted({*passages.tolist(), *(row for _, rows in grouped for row in rows)})
        where += places(split, found)
    if not told:
        return
    by = f"{', '.join(columns)}" if columns else "the document they are from"
    moves = _moves(dataset, tuple(columns))
    yield Finding(
        message="; ".join(told),
        where=tuple(where),
        evidence=tuple(evidence),
        impact="the score tells how well known documents are continued, not how new ones are met",
        fixes=(
            Fix(
                title=f"split again by group: all rows of one {by} on one side",
                safety=Safety.UNSAFE if moves else Safety.MANUAL,
                edits=moves,
            ),
        ),
    )


def _moves(dataset: Dataset, columns: tuple[str, ...]) -> tuple[MoveRows, ...]:
    """Moves that make groups whole, where one column names them and one split is judged by."""
    if len(columns) != 1 or len(dataset.splits) != 2:  # noqa: PLR2004  training and one other
        return ()
    train, judged = dataset.splits
    known, asked_for = (
        [group_key(cell) for cell in split.extra[columns[0]]] for split in (train, judged)
    )
    return move_whole_groups(train, judged, known, asked_for)


def _number(name: str, share: float, max_share: float) -> Number:
    return Number(name=name, value=share, unit="%", bound=f"at most {100 * max_share:g} %")


def _by_column(train: Split, split: Split, max_share: float) -> list[tuple[str, tuple[int, ...]]]:
    """Columns that name groups, with the rows whose group is trained on."""
    found = []
    for name, cells in split.extra.items():
        rows = known_groups(name, train.extra.get(name, ()), cells)
        if rows is not None and len(rows) > max_share * len(split):
            found.append((name, rows))
    return found


def _values(train: Split, split: Split, name: str, rows: Sequence[int]) -> Table:
    """The groups on both sides, those of most judged rows first."""
    judged, trained = split.extra[name], train.extra[name]
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[str(judged[row])] = sizes.get(str(judged[row]), 0) + 1
    first = sorted(sizes, key=lambda value: -sizes[value])[:EXAMPLES]
    there = [str(value) for value in trained]
    return Table(
        name=f"{name} on both sides",
        columns=(name, f"{split.name} rows", "training rows"),
        rows=tuple((value, sizes[value], there.count(value)) for value in first),
        total=len(sizes),
    )


def _by_passage(train: Split, split: Split) -> tuple[np.ndarray, Table]:
    """Rows that share a long run of words with a training row of another text."""
    known, judged = asked(train), asked(split)
    trained = set(known.texts)
    at = np.array([i for i, text in enumerate(judged.texts) if text not in trained], dtype=np.int64)
    runs = shared_runs([judged.texts[i] for i in at.tolist()], known.texts)
    partner = np.full(len(judged.texts) + 1, -1, dtype=np.int64)
    partner[at] = runs.partner
    met = partner[judged.of_row]  # -1, of a row without text, meets the last one
    rows = np.array(
        [
            row
            for row in np.flatnonzero(met >= 0).tolist()
            if not _edited(judged.texts[judged.of_row[row]], known.texts[met[row]])
        ],
        dtype=np.int64,
    )
    one, other = questions(split), questions(train)
    table = Table(
        name=f"{split.name} rows and training rows with a passage in common",
        columns=("line", "text", "train line", "train text"),
        rows=tuple(
            (
                int(split.lines[row]),
                one[row],
                int(train.lines[known.first[met[row]]]),
                other[int(known.first[met[row]])],
            )
            for row in rows[:EXAMPLES].tolist()
        ),
        total=len(rows),
    )
    return rows, table


def _edited(one: str, other: str) -> bool:
    """Whether two folded texts are one text with small edits, which `paraphrased-leakage` names."""
    words = set(one.split()), set(other.split())
    return len(words[0] & words[1]) > EDITED * len(words[0] | words[1])
