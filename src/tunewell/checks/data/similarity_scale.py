"""DAT057: similarity scores on a scale that cosine losses do not take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Edit,
    Finding,
    Fix,
    Number,
    Safety,
    SetLabel,
    Severity,
    Table,
)
from tunewell.facts.pairs.pair_scores import holds_scores, numbers
from tunewell.facts.parts import places, require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

TOPS = (5.0, 10.0, 100.0)
"""Ends of the scales that people judge similarity on; anything else ends at its largest score."""

SHOWN = 8
ROUNDING = 1e-3
"""A cosine computed in half precision may come out as 1.0005."""


@check(
    "DAT057",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("M03",),
)
def similarity_scale(dataset: Dataset) -> Iterator[Finding]:
    """Similarity scores of text pairs lie outside what a cosine can be.

    ## What it finds
    Pairs of texts with scores beyond 1 (from 0 to 5, from 0 to 100 ...) or with the labels -1 and
    1 alone.

    ## Why it matters
    `CosineSimilarityLoss` compares the score with a cosine, which is never above 1: for every pair
    scored 2 or 5 the loss asks for the same impossible value and all of them end up at 1.
    `ContrastiveLoss` takes the label as a weight and `OnlineContrastiveLoss` passes over every pair
    whose label is not 0 or 1.

    ## How it is measured
    By the smallest and the largest score of each split. Numbers are taken for scores where the
    column is called score, similarity or relatedness, or where they have fractions; whole numbers
    in a column called label may be classes (0, 1, 2 of natural language inference) and are left
    alone. Scores within -1 and 1 are right for the cosine losses. The labels -1 and 1 alone are
    told as information: the contrastive losses need 0 and 1.
    Tried with sentence-transformers 6.2 on the same four pairs: with scores 0 to 5 the loss of
    `CosineSimilarityLoss` is 9.2 instead of 0.59, that of `CoSENTLoss` and `AnglELoss` is the same
    to the last digit, because they read the order of the scores alone.

    ## Example
    `{"sentence1": "A man eats.", "sentence2": "Someone eats.", "score": 4.2}`

    ## Fix
    Bring the scores to 0 to 1: divide by the top of the scale.

    ## When it is wrong
    With `CoSENTLoss` or `AnglELoss`, or where a score is the target of a regression head.

    ## Sources
    Fault M03 of the catalogue; "Loss Overview" and the losses of sentence-transformers 6.2;
    sentence-transformers issues 25, 665 and 2753: 0 to 1 worked best.
    """
    require_kind(dataset, {Kind.PAIRS})
    if not holds_scores(dataset.train):
        reason = "the pairs have no numeric scores"
        raise NotApplicableError(reason)
    wrong = [scale for split in dataset.splits if (scale := _scale(split)) is not None]
    if not wrong:
        return
    binary = all(scale.binary for scale in wrong)
    told = " and ".join(
        f"{scale.split.name} scores are {'-1 and 1' if scale.binary else f'from {scale.range}'}"
        for scale in wrong
    )
    edits: list[Edit] = [edit for scale in wrong for edit in scale.edits()]
    worst = wrong[0]
    beyond = np.flatnonzero(np.abs(worst.values) > 1)
    yield Finding(
        message=(
            f"{told}: {'contrastive losses take 0 and 1' if binary else 'a cosine ends at 1'}"
        ),
        where=places(worst.split, beyond),
        evidence=(
            *(
                Number(
                    name=f"largest {scale.split.name} score",
                    value=float(np.nanmax(scale.values)),
                    bound="at most 1",
                )
                for scale in wrong
                if not scale.binary
            ),
            Table(
                name="scores as they are and from 0 to 1",
                columns=("score", "from 0 to 1", "rows"),
                rows=tuple(worst.table()[:SHOWN]),
                total=len(worst.table()),
            ),
        ),
        impact=(
            "pairs with the label -1 are passed over or pushed apart without end"
            if binary
            else "the loss asks for cosines that do not exist, and middling pairs end up at 1"
        ),
        fixes=(Fix(title="bring the scores to 0 to 1", safety=Safety.UNSAFE, edits=tuple(edits)),),
        severity=Severity.INFO if binary else Severity.WARNING,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Scale:
    """Scores of a split that lie from `bottom` to `top`."""

    split: Split
    values: NDArray[np.float64]
    bottom: float
    top: float
    binary: bool

    @property
    def range(self) -> str:
        return f"{np.nanmin(self.values):g} to {np.nanmax(self.values):g}"

    def of(self, label: str) -> str:
        """A score as text, on the scale from 0 to 1."""
        return f"{(float(label) - self.bottom) / (self.top - self.bottom):.6g}"

    def _rows(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = {}
        for row, label in enumerate(self.split.labels):
            if label is not None and not math.isnan(self.values[row]):
                rows.setdefault(label, []).append(row)
        return rows

    def table(self) -> Sequence[tuple[str, str, int]]:
        """Each score, what it becomes, and its rows."""
        ordered = sorted(self._rows().items(), key=lambda item: float(item[0]))
        return [(label, self.of(label), len(rows)) for label, rows in ordered]

    def edits(self) -> Iterator[SetLabel]:
        """One edit for each different score that changes."""
        for label, rows in self._rows().items():
            if self.of(label) != label:
                yield SetLabel(
                    split=self.split.name, rows=tuple(rows), old=label, new=self.of(label)
                )


def _scale(split: Split) -> _Scale | None:
    """The scale of a split's scores, None where they are right as they are."""
    values = numbers(split)
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    low, high = float(known.min()), float(known.max())
    if set(np.unique(known).tolist()) == {-1.0, 1.0}:
        return _Scale(split, values, -1.0, 1.0, binary=True)
    if low >= -1 - ROUNDING and high <= 1 + ROUNDING:
        return None
    top = next((end for end in TOPS if max(high, -low) <= end), max(high, -low))
    whole = bool((known == np.round(known)).all())
    # Judgements from 1 to 5 or 1 to 10 have no 0; fractions from 1 on are averages of them.
    bottom = (
        -top if low < 0 else 1.0 if low >= 1 and top <= TOPS[1] and (whole or low == 1) else 0.0
    )
    return _Scale(split, values, bottom, top, binary=False)
