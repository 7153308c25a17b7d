"""DAT069: evaluation rows that resemble nothing in the training data."""

from __future__ import annotations

from collections.abc import Iterator
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
from tunewell.facts.parts import places, questions, require_judged
from tunewell.facts.sampling.nearness import Nearness, nearness
from tunewell.stats.intervals import wilson
from tunewell.stats.multiple import holm
from tunewell.subjects.dataset import Dataset, Split

FEWEST_TRAINED = 100
FEWEST_JUDGED = 20
EXAMPLES = 10


@check(
    "DAT069",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("C06",),
)
def evaluation_without_neighbours(
    dataset: Dataset, *, tail: float = 0.01, max_ratio: float = 3.0, alpha: float = 0.001
) -> Iterator[Finding]:
    """Evaluation rows that resemble no training row at all.

    ## What it finds
    Evaluation or test splits in which many rows are farther from every training row than training
    rows are from each other.

    ## Why it matters
    The model can only guess at rows of a kind that it was never shown. They pull the score down for
    a reason that no setting of the training can change, and they are the rows to collect more of.

    ## How it is measured
    By the similarity of each row to the nearest training row: the cosine of their words, weighted
    by rarity. How far training rows are from the nearest other one is the yardstick: the distance
    that the farthest `tail` (1 %) of them exceed. Found where the 95 % interval of the share of
    evaluation rows beyond it is above `max_ratio` (3) times the share of training rows beyond it,
    and Fisher's exact test gives a p below `alpha` (0.001; Holm's correction where there are two
    splits). Up to 1,000 judging rows and 10,000 training rows are compared; it needs 20 and 100.
    Measured: BANKING77, CLINC150, GSM8K and GoEmotions as published have 0.4 to 2.9 % beyond.
    Rows of other topics are found by about a third of them: the others happen to share words.

    ## Example
    A sixth of the evaluation messages are about flights; all training messages are about banking.

    ## Fix
    Collect training rows of these kinds, or judge them apart from the others.

    ## When it is wrong
    When the rows say familiar things in other words (synonyms, another language). Only words are
    compared.

    ## Sources
    Bates et al. 2023, "Testing for outliers with conformal p-values", for the yardstick;
    fault C06 of the catalogue.
    """
    require_judged(dataset)
    if len(dataset.train) < FEWEST_TRAINED:
        return
    compared = [
        _compare(split, nearness(dataset, number), tail)
        for number, split in enumerate(dataset.splits)
        if number and len(split) >= FEWEST_JUDGED
    ]
    adjusted = holm([found.p_value for found in compared])
    wrong = [
        found
        for found, p_value in zip(compared, adjusted.tolist(), strict=True)
        if p_value < alpha and found.low > max_ratio * found.usual
    ]
    if not wrong:
        return
    worst = max(wrong, key=lambda found: found.share)
    near = worst.near
    order = np.argsort(near.judged, kind="stable")
    far = order[: int(worst.beyond.sum())]
    yield Finding(
        message=" and ".join(
            f"{100 * found.share:.1f} % of {len(found.beyond):,} {found.split.name} rows resemble "
            f"nothing in training (of training rows themselves {100 * found.usual:.1f} %)"
            for found in wrong
        ),
        where=places(worst.split, near.rows[far]),
        evidence=(
            *(
                Number(
                    name=f"{found.split.name} rows without a near training row",
                    value=100 * found.share,
                    low=100 * found.low,
                    high=100 * found.high,
                    unit="%",
                    bound=f"at most {max_ratio:g} times {100 * found.usual:.1f} %",
                )
                for found in wrong
            ),
            Table(
                name=f"{worst.split.name} rows that are farthest from training",
                columns=("line", "text", "similarity", "nearest training row"),
                rows=tuple(
                    (
                        worst.split.lines[int(near.rows[at])],
                        questions(worst.split)[int(near.rows[at])],
                        round(float(near.judged[at]), 2),
                        questions(dataset.train)[int(near.partner[at])],
                    )
                    for at in far[:EXAMPLES].tolist()
                ),
                total=len(far),
            ),
        ),
        impact="the model can only guess at these rows",
        fixes=(Fix(title="collect such training rows, or judge them apart", safety=Safety.MANUAL),),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Shares of rows beyond the yardstick; `beyond` has a flag for each judging row looked at."""

    split: Split
    near: Nearness
    beyond: NDArray[np.bool_]
    usual: float
    low: float
    high: float
    p_value: float

    @property
    def share(self) -> float:
        return float(self.beyond.mean())


def _compare(split: Split, near: Nearness, tail: float) -> _Compared:
    from scipy.stats import fisher_exact  # noqa: PLC0415  0.3 s to import

    yardstick = np.quantile(near.usual, tail, method="inverted_cdf")
    beyond = near.judged <= yardstick
    usual = near.usual <= yardstick
    table = [[flags.sum(), (~flags).sum()] for flags in (beyond, usual)]
    low, high = wilson(int(beyond.sum()), len(beyond))
    return _Compared(
        split=split,
        near=near,
        beyond=beyond,
        usual=float(usual.mean()),
        low=float(low),
        high=float(high),
        p_value=float(fisher_exact(table, alternative="greater").pvalue),
    )
