"""DAT065: training rows that stand sorted by label or by length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Evidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
)
from tunewell.core.words import counted
from tunewell.facts.pairs.pair_scores import holds_scores
from tunewell.facts.pairs.preferences import lengths
from tunewell.facts.parts import parts
from tunewell.facts.sampling.row_order import Runs, rank_autocorrelation, runs_of
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

LABELLED = frozenset({Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.PAIRS, Kind.UNPAIRED})
FEWEST_ROWS = 50
"""In fewer rows an epoch is a handful of steps and their order hardly matters."""

SURE = 1e-3


@check(
    "DAT065",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.HIGH,
    covers=("D35",),
)
def sorted_rows(
    dataset: Dataset, *, max_run: float = 5.0, max_order: float = 0.9
) -> Iterator[Finding]:
    """The training rows stand sorted by their label or by their length.

    ## What it finds
    Training rows whose labels come in blocks, one class after the other, or whose texts get longer
    (or shorter) from the first row to the last.

    ## Why it matters
    Without shuffling, every batch holds one class; the model forgets the first classes and answers
    with the last. With shuffling training is safe, but whoever takes the first rows as a sample or
    the last tenth for evaluation gets a few classes only. `Trainer`, TRL and Tunewell shuffle
    unless told not to; streaming shuffles within a buffer alone.

    ## How it is measured
    By the mean run of equal labels over what it would be in a random order of the same rows (exact
    mean and variance, p below 0.001). The bound is `max_run`, 5 times, as in the catalogue.
    Length is sorted where the rank of a row's length tells that of the next: autocorrelation of
    the ranks above `max_order` (0.9; 1 is sorted, and sets in their natural order have less than
    0.3, CLINC150 within its classes 0.6). Sets of at least 50 rows are looked at.
    It is information, because most trainers shuffle, and a warning where the evaluation or test
    rows have labels that training lacks: then a split was cut from sorted rows. BANKING77 and
    CLINC150 are sorted by class as published; SMS Spam, GoEmotions and GSM8K are not sorted.

    ## Example
    10,003 rows in 77 classes whose labels change 77 times from row to row.

    ## Fix
    Shuffle the file before it is cut or sampled, and never switch the trainer's shuffling off.

    ## When it is wrong
    When the order is a curriculum, from short to long or from easy to hard.

    ## Sources
    Fault D35 of the catalogue; Mood 1940, "The distribution theory of runs"; Bartels 1982, "The
    rank version of von Neumann's ratio test for randomness".
    """
    train = dataset.train
    if len(train) < FEWEST_ROWS:
        return
    runs = _label_runs(train)
    known = parts(train)
    order = rank_autocorrelation(np.add.reduceat(lengths(known.texts), known.start[:-1]))
    by_label = runs is not None and runs.ratio > max_run and runs.p_value < SURE
    by_length = abs(order) > max_order
    if not by_label and not by_length:
        return
    evidence: list[Evidence] = []
    told: list[str] = []
    if by_label and runs is not None:
        told.append(
            f"by label: {counted(runs.runs, 'run')} of equal labels with {runs.mean:,.1f} rows on "
            f"average, {runs.expected:,.1f} in a random order"
        )
        evidence.append(
            Number(
                name="length of a run over that in a random order",
                value=runs.ratio,
                bound=f"at most {max_run:g}",
            )
        )
    if by_length:
        told.append(f"by length: the ranks of neighbours correlate by {order:.2f}")
        evidence.append(
            Number(
                name="rank correlation of a row's length with the next row's",
                value=order,
                bound=f"at most {max_order:g}",
            )
        )
    unseen = _unseen(dataset) if by_label else ()
    if unseen:
        shown = ", ".join(map(repr, unseen[:3])) + (" ..." if len(unseen) > 3 else "")  # noqa: PLR2004
        told.append(f"{counted(len(unseen), 'label')} to be judged on missing from them ({shown})")
    yield Finding(
        message=f"the {len(train):,} training rows stand sorted {'; '.join(told)}",
        evidence=tuple(evidence),
        impact=(
            "the split was cut from sorted rows: what it judges was never trained on"
            if unseen
            else "harmless while the trainer shuffles; the first or last rows are no sample"
        ),
        fixes=(Fix(title="shuffle the rows before a part is taken", safety=Safety.MANUAL),),
        severity=Severity.WARNING if unseen else Severity.INFO,
    )


def _label_runs(split: Split) -> Runs | None:
    if split.kind not in LABELLED or holds_scores(split):
        return None
    return runs_of(split.labels)


def _unseen(dataset: Dataset) -> tuple[str, ...]:
    """Labels of the judging rows that no training row has."""
    trained = set(dataset.train.labels)
    judged = {label for split in dataset.splits[1:] for label in split.labels if label is not None}
    return tuple(sorted(judged - trained))
