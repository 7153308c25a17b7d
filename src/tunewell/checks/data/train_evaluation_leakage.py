"""DAT007: rows that judge the model and are also trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

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
from tunewell.facts.leakage.judged import sampling_error
from tunewell.facts.near.duplicates import groups, near_pairs
from tunewell.facts.parts import places, require_judged
from tunewell.subjects.dataset import Dataset

EXAMPLES = 5


@check("DAT007", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D33",))
def train_evaluation_leakage(
    dataset: Dataset, *, error_share: float = 0.01, similarity: float = 0.8
) -> Iterator[Finding]:
    """Evaluation or test rows whose text is also in the training data.

    ## What it finds
    Rows of the evaluation and test splits whose text, apart from case, punctuation marks and white
    space, is that of a training row.

    ## Why it matters
    The model has seen the answer to these rows. The score says how well it remembers and not how
    well it will do on new text.

    ## How it is measured
    By comparing folded texts across splits. It is an error when the share of such rows is above
    both `error_share` (1 %) and the sampling error of the score itself (half the 95 % interval of
    an accuracy of 0.9 on that many rows): only then can the leak change what the score says. A
    smaller leak is a warning; BANKING77 (0.8 %) and CLINC150 (0.6 %) as published have one. How
    many more rows have a partner at `similarity` 0.8 is told beside it and never counted.

    ## Example
    `What is the age limit?` in test.csv and `what is the age limit` in train.csv.

    ## Fix
    Drop the rows from the training data, so that the rows that judge the model stay as they are.

    ## When it is wrong
    When users really send the same short messages again and again ("yes", "thanks").

    ## Sources
    Fault D33 of the catalogue; Lee et al. 2022; Elangovan et al. 2021, "Memorization vs.
    Generalization: Quantifying Data Leakage in NLP".
    """
    require_judged(dataset)
    known = groups(dataset)
    trained = known.group[known.split == 0]
    where: list[Row] = []
    examples: list[tuple[str | float | int | None, ...]] = []
    numbers: list[Number] = []
    told: list[str] = []
    leaked: set[int] = set()
    serious = False
    for number, split in enumerate(dataset.splits[1:], start=1):
        mine = known.group[known.split == number]
        rows = np.flatnonzero(np.isin(mine, trained) & (mine >= 0)).tolist()
        if not rows:
            continue
        leaked.update(mine[rows].tolist())
        share = len(rows) / len(split)
        noise = sampling_error(len(split))
        serious = serious or share > max(error_share, noise)
        told.append(f"{len(rows):,} of {len(split):,} {split.name} rows ({100 * share:.1f} %)")
        numbers.append(
            Number(
                name=f"{split.name} rows that are trained on",
                value=100 * share,
                unit="%",
                bound=f"an error above {100 * max(error_share, noise):.1f} %",
            )
        )
        where += places(split, rows)
        examples += [
            (split.name, split.lines[row], split.labels[row], split.texts[row])
            for row in rows[:EXAMPLES]
        ]
    if not where:
        return
    drop = tuple(np.flatnonzero(np.isin(trained, sorted(leaked))).tolist())
    yield Finding(
        message=f"{' and '.join(told)} are also in the training data",
        where=tuple(where),
        evidence=(
            *numbers,
            *_literal(dataset, drop, where),
            Number(
                name="further rows that nearly repeat a training row",
                value=_near(dataset, similarity),
                unit="rows",
            ),
            Table(
                name="rows in both",
                columns=("split", "line", "label", "text"),
                rows=tuple(examples),
                total=len(where),
            ),
        ),
        impact="the score counts rows whose answer the model was shown",
        fixes=(
            Fix(
                title=f"drop {len(drop):,} {'row' if len(drop) == 1 else 'rows'} from the "
                "training data",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=dataset.train.name, rows=drop),),
            ),
        ),
        severity=Severity.ERROR if serious else Severity.WARNING,
    )


def _literal(dataset: Dataset, rows: Sequence[int], places: Sequence[Row]) -> Iterator[Number]:
    """How many of the rows in both are equal character for character, for each split."""
    texts = {dataset.train.texts[row] for row in rows}
    for split in dataset.splits[1:]:
        mine = [place.index for place in places if place.split == split.name]
        if mine:
            yield Number(
                name=f"{split.name} rows that are in it character for character",
                value=sum(split.texts[row] in texts for row in mine),
                unit="rows",
            )


def _near(dataset: Dataset, similarity: float) -> int:
    """Judging rows without an equal training row that have a similar one."""
    known, near = groups(dataset), near_pairs(dataset, similarity)
    trains = np.zeros(len(known.texts), dtype=bool)
    trains[known.group[(known.split == 0) & (known.group >= 0)]] = True
    one, other = near.pairs.T
    similar = np.concatenate([one[trains[other]], other[trains[one]]])
    judged = known.group[known.split > 0]
    return int((np.isin(judged, similar) & ~trains[judged] & (judged >= 0)).sum())
