"""DAT067: classes have other shares of the evaluation rows than of the training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.parts import require_judged, require_kind
from tunewell.stats.multiple import holm
from tunewell.stats.two_sample import TwoSample, shares_test
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

SHOWN = 10
PERMUTATIONS = 2000
"""The smallest p-value is then 1 in 2,001, below `alpha` for two splits after correction."""

EVEN = 1.2
"""The largest class over the smallest: up to here a split is balanced on purpose. A random sample
of an even population has more from 50 classes of 40 rows on."""


@check(
    "DAT067",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("C06",),
)
def class_shares_differ(
    dataset: Dataset, *, alpha: float = 0.001, min_effect: float = 0.1
) -> Iterator[Finding]:
    """Classes have other shares of the evaluation rows than of the training rows.

    ## What it finds
    Evaluation or test rows whose classes are distributed otherwise than the training rows, by more
    than chance and by enough to matter.

    ## Why it matters
    A classifier learns how frequent classes are along with what they look like. Judged on other
    shares, its score is too low or too high for the data it will meet, and a threshold chosen there
    is wrong elsewhere.

    ## How it is measured
    By a permutation test of the chi-square statistic: the rows of both splits are divided again at
    random, 2,000 times, so small classes need no approximation; Holm's correction where there are
    two splits. The effect is the share of rows that would have to change class (total variation
    distance), less what chance makes of it on average. Found where p is below `alpha` (0.001) and
    the effect above `min_effect` (0.1: one row of ten). A split with even classes (largest over
    smallest at most 1.2) was balanced on purpose and is told as information. Classes that training
    lacks are left to the check of their own. Quiet on 200 random divisions of BANKING77 and the
    imbalanced CLINC150; of these and GoEmotions as published, it speaks only of CLINC150's
    imbalanced training rows beside its balanced test, as information.

    ## Example
    13 % of the training messages are spam, and half of the evaluation messages are.

    ## Fix
    Divide the data again, stratified by class; or weigh the score by the shares that are expected
    in use.

    ## When it is wrong
    When one of the two is balanced on purpose and the score is macro-averaged.

    ## Sources
    Phipson and Smyth 2010 for the p-value; Lipton, Wang and Smola 2018, "Detecting and correcting
    for label shift with black box predictors". Fault C06 of the catalogue.
    """
    require_kind(dataset, {Kind.CLASSIFICATION, Kind.MULTI_LABEL})
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
        if p_value < alpha and found.effect > min_effect
    ]
    if not wrong:
        return
    worst = max(wrong, key=lambda found: found.effect)
    name, trained, judged = worst.table()[0]
    yield Finding(
        message=" and ".join(
            f"{100 * found.test.effect:.0f} % of the {found.split.name} rows would have to change "
            "class to have the shares of the training rows"
            for found in wrong
        )
        + f"; {name!r} has {trained:.2g} % of the training rows and {judged:.2g} % of the others",
        where=(Classes(names=tuple(row[0] for row in worst.table()[:SHOWN])),),
        evidence=(
            *(
                Number(
                    name=f"{found.split.name} rows that would have to change class, beyond chance",
                    value=100 * found.effect,
                    unit="%",
                    bound=f"at most {100 * min_effect:g} %",
                )
                for found in wrong
            ),
            Table(
                name=f"shares of training and {worst.split.name} rows",
                columns=("class", "training, %", f"{worst.split.name}, %"),
                rows=tuple(
                    (name, round(trained, 2), round(judged, 2))
                    for name, trained, judged in worst.table()[:SHOWN]
                ),
                total=len(worst.names),
            ),
        ),
        impact="the score holds for these shares of the classes and for no others",
        fixes=(
            Fix(
                title="divide the data again, stratified by class",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.INFO if all(found.even for found in wrong) else Severity.WARNING,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """A judging split's rows of each class beside those of training, shape (classes,)."""

    split: Split
    names: tuple[str, ...]
    trained: NDArray[np.int64]
    judged: NDArray[np.int64]
    test: TwoSample

    @property
    def effect(self) -> float:
        """Total variation distance less its mean over random divisions of the same rows."""
        sizes = self.trained.sum(), self.judged.sum()
        share = (self.trained + self.judged) / sum(sizes)
        # The difference of two shares of one population is nearly normal; its mean size is
        # sqrt(2 / pi) of its standard deviation.
        spread = np.sqrt(share * (1 - share) * (1 / sizes[0] + 1 / sizes[1]))
        return self.test.effect - float(np.sqrt(2 / np.pi) * spread.sum() / 2)

    @property
    def even(self) -> bool:
        """Whether either side has as many rows of each class."""
        return any(side.min() * EVEN >= side.max() for side in (self.trained, self.judged))

    def table(self) -> list[tuple[str, float, float]]:
        """Name and both shares in per cent, the largest difference first."""
        one = 100 * self.trained / self.trained.sum()
        other = 100 * self.judged / self.judged.sum()
        order = np.argsort(-np.abs(one - other), kind="stable").tolist()
        return [(self.names[at], float(one[at]), float(other[at])) for at in order]


def _compare(train: Split, split: Split) -> _Compared | None:
    """Both sides' rows of the classes that training knows; None where a side has too few."""
    trained = Counter(label for label in train.labels if label is not None)
    judged = Counter(label for label in split.labels if label in trained)
    names = tuple(sorted(trained))
    if len(names) < 2 or not judged:  # noqa: PLR2004  one class has no shares
        return None
    ids = {name: at for at, name in enumerate(names)}
    one = np.array([ids[label] for label in train.labels if label is not None], dtype=np.int64)
    other = np.array([ids[label] for label in split.labels if label in ids], dtype=np.int64)
    return _Compared(
        split=split,
        names=names,
        trained=np.bincount(one, minlength=len(names)),
        judged=np.bincount(other, minlength=len(names)),
        test=shares_test(one, other, permutations=PERMUTATIONS),
    )
