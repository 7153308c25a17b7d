"""DAT068: evaluation rows that can be told from training rows by how they are written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.near.text_overlap import WORD
from tunewell.facts.pairs.pair_scores import holds_scores
from tunewell.facts.parts import places, questions, require_judged
from tunewell.facts.sampling.text_features import ngram_features, style_features
from tunewell.stats.multiple import holm
from tunewell.stats.told_apart import ToldApart, tell_apart
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

MOST_ROWS = 600
"""Rows of a side that are compared; with these an area of 0.58 is told from chance."""

FEWEST_ROWS = 40
LONGEST = 1000
"""Characters of a text that are looked at, from its beginning."""

WEIGHT = 8.0
"""Brings the unit vectors of what is said to the size of the standardised numbers of the style."""

MATCHED = frozenset({Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.UNPAIRED, Kind.PAIRS})
SHOWN = 10
EXAMPLES = 5


@check(
    "DAT068",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("C06",),
)
def evaluation_from_another_source(
    dataset: Dataset, *, alpha: float = 0.001, max_area: float = 0.6
) -> Iterator[Finding]:
    """Evaluation rows can be told from training rows: they come from another source.

    ## What it finds
    Evaluation or test rows whose texts a classifier tells from training texts of the same class,
    by what they say or by how they are written.

    ## Why it matters
    A score holds for rows like those it was measured on. Where training and evaluation come from
    different sources, times or writers, the score says how the model transfers; and what is learned
    about the training source (its case, its marks, its topics) is of no use there.

    ## How it is measured
    Up to 600 rows of a side, as many of each class from both, are described by character n-grams
    and by seven numbers of their style (length, case, digits, marks). A classifier learns to tell
    the sides apart on one half of the rows and is judged on the other, in turn. Its area under the
    curve has a known law where there is no difference, so p is exact; Holm's correction where there
    are two splits. Found where p is below `alpha` (0.001) and the area above `max_area` (0.6; 0.5
    is chance). Measured: BANKING77, CLINC150, GSM8K and GoEmotions as published lie between 0.48
    and 0.54, 200 random divisions of the first two at most at 0.56. Found from a fifth of the
    evaluation rows on that lost their case and their final mark. Needs 40 rows of a side. Of
    generated data the questions are compared, not the answers.

    ## Example
    Training messages typed by users, evaluation messages written by annotators.

    ## Fix
    Divide one pool at random, or collect training rows from where the model will be used.

    ## When it is wrong
    When the evaluation is another source on purpose, to see how the model transfers.

    ## Sources
    Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests"; Rabanser, Günnemann and
    Lipton 2019, "Failing Loudly". Fault C06 of the catalogue.
    """
    require_judged(dataset)
    compared = [
        found
        for split in dataset.splits[1:]
        if (found := _compare(dataset.train, split)) is not None
    ]
    adjusted = holm([found.test.p_value for found in compared])
    wrong = [
        found
        for found, p_value in zip(compared, adjusted.tolist(), strict=True)
        if p_value < alpha and found.test.area > max_area
    ]
    if not wrong:
        return
    worst = max(wrong, key=lambda found: found.test.area)
    order = np.argsort(-worst.test.second, kind="stable")[:EXAMPLES]
    unlike = worst.judged_rows[order]
    words = worst.words()
    yield Finding(
        message=" and ".join(
            f"a classifier tells {found.split.name} rows from training rows with an area under the "
            f"curve of {found.test.area:.2f}, where 0.5 is chance"
            for found in wrong
        ),
        where=places(worst.split, unlike),
        evidence=(
            *(
                Number(
                    name=f"area under the curve, {found.split.name} against training",
                    value=found.test.area,
                    low=found.test.low,
                    high=found.test.high,
                    bound=f"at most {max_area:g}",
                )
                for found in wrong
            ),
            Table(
                name="words that tell them apart",
                columns=("word", "training rows, %", f"{worst.split.name} rows, %"),
                rows=tuple(words[:SHOWN]),
                total=len(words),
            ),
            Table(
                name=f"{worst.split.name} rows that are least like training",
                columns=("line", "text"),
                rows=tuple(
                    (worst.split.lines[row], questions(worst.split)[row]) for row in unlike.tolist()
                ),
                total=len(worst.judged_rows),
            ),
        ),
        impact="the score tells how the model does on another kind of text than it learns from",
        fixes=(Fix(title="divide one pool of rows at random into both", safety=Safety.MANUAL),),
    )


Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Texts of both sides, row k of one matched with row k of the other, and how the test went."""

    split: Split
    judged_rows: Ints
    trained: Sequence[str]
    judged: Sequence[str]
    test: ToldApart

    def words(self) -> list[tuple[str, float, float]]:
        """Words that one side has more often, the surest first, with both shares in per cent."""
        sides = [
            Counter(word for text in texts for word in set(WORD.findall(text.lower())))
            for texts in (self.trained, self.judged)
        ]
        n = len(self.judged)
        found = []
        for word in sides[0].keys() | sides[1].keys():
            one, other = sides[0][word], sides[1][word]
            pooled = (one + other) / (2 * n)
            spread = math.sqrt(2 * n * pooled * (1 - pooled)) or 1.0
            found.append((-abs(one - other) / spread, word, one, other))
        return [
            (word, round(100 * one / n, 1), round(100 * other / n, 1))
            for sureness, word, one, other in sorted(found)
            if sureness < -SURE
        ]


SURE = 4.0
"""Standard errors between the shares of a word: among 10,000 words one gets there by chance."""


def _compare(train: Split, split: Split) -> _Compared | None:
    """The test of a split against training; None where there are too few rows to match."""
    rng = np.random.default_rng(0)
    matched = train.kind in MATCHED and not holds_scores(train)
    mine, theirs = _matched(train, split, rng) if matched else _drawn(train, split, rng)
    if len(mine) < FEWEST_ROWS:
        return None
    trained = [questions(train)[row][:LONGEST] for row in mine.tolist()]
    judged = [questions(split)[row][:LONGEST] for row in theirs.tolist()]
    both = [*trained, *judged]
    style = style_features(both)
    spread = style.std(axis=0)
    style = (style - style.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    rows = np.hstack([WEIGHT * ngram_features(both).astype(np.float64), style])
    test = tell_apart(rows[: len(mine)], rows[len(mine) :])
    return _Compared(split, theirs, trained, judged, test)


def _drawn(train: Split, split: Split, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """As many rows of both, at random."""
    size = min(len(train), len(split), MOST_ROWS)
    return rng.choice(len(train), size, replace=False), rng.choice(len(split), size, replace=False)


def _matched(train: Split, split: Split, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """As many rows of each label from both, neighbours of the same label."""
    sides: list[dict[str, list[int]]] = [{}, {}]
    for groups, side in zip(sides, (train, split), strict=True):
        for row, label in enumerate(side.labels):
            if label is not None:
                groups.setdefault(label, []).append(row)
    mine: list[int] = []
    theirs: list[int] = []
    for label in sorted(sides[0].keys() & sides[1].keys()):
        size = min(len(sides[0][label]), len(sides[1][label]))
        mine += rng.choice(sides[0][label], size, replace=False).tolist()
        theirs += rng.choice(sides[1][label], size, replace=False).tolist()
    keep = np.sort(rng.permutation(len(mine))[:MOST_ROWS])
    return np.array(mine, dtype=np.int64)[keep], np.array(theirs, dtype=np.int64)[keep]
