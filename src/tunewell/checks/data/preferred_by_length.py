"""DAT052: the length of the answers alone says which one is chosen."""

from __future__ import annotations

import math
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
from tunewell.facts.pairs.preferences import sides
from tunewell.facts.parts import require_kind
from tunewell.stats.intervals import wilson
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind

NORMAL_95 = 1.959964
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
FEWEST_PAIRS = 10
"""Fewer have no spread to speak of; the interval keeps most small sets quiet anyway."""


@check(
    "DAT052",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R06",),
)
def preferred_by_length(
    dataset: Dataset, *, max_effect: float = 0.5, max_share: float = 0.7
) -> Iterator[Finding]:
    """The chosen answers are systematically longer, or shorter, than the rejected ones.

    ## What it finds
    Preference data in which the number of characters alone tells which answer is chosen in most
    pairs.

    ## Why it matters
    Length is the easiest thing to learn. The sum of the log-probabilities, which DPO compares,
    grows with length, so the model comes to write longer and longer answers that repeat themselves
    (or clipped ones), and the accuracy of the reward looks fine.

    ## How it is measured
    By Cohen's d of the logarithm of the characters (the difference of the means over the average
    standard deviation, with Bonett's interval for pairs) and by the share of pairs in which the
    longer answer is chosen (with Wilson's interval; half of the ties count). Found where the whole
    95 % interval of d is beyond `max_effect`, 0.5 as in the catalogue, or the whole interval of the
    share is beyond `max_share`. At 0.7 a rule that reads nothing is as good as a second human
    judge (agreement was 63 % for HH-RLHF, Bai et al. 2022, and 73 % for InstructGPT, Ouyang et
    al. 2022).
    Few pairs have wide intervals and stay quiet. Measured: the harmless test of HH-RLHF has
    d = -0.21 (interval -0.26 to -0.16) and a share of 0.45.

    ## Example
    Answers of a large model as chosen and of a small one, a third as long, as rejected.

    ## Fix
    Drop pairs until lengths match, use a loss that normalises length (`loss_type="ipo"`, SimPO or
    length-desensitised DPO), and watch the length of the answers at every evaluation.

    ## When it is wrong
    When length is what is to be learned: brief answers, or more thorough ones.

    ## Sources
    Fault R06 of the catalogue; Singhal et al. 2023, "A Long Way to Go: Investigating Length
    Correlations in RLHF"; Park et al. 2024, "Disentangling Length from Quality in Direct Preference
    Optimization"; Bonett 2008, "Confidence intervals for standardized linear contrasts of means".
    """
    require_kind(dataset, {Kind.PREFERENCE})
    both = sides(dataset.train)
    used = (both.chosen_length > 0) & (both.rejected_length > 0)
    chosen, rejected = both.chosen_length[used], both.rejected_length[used]
    if len(chosen) < FEWEST_PAIRS:
        return
    effect = _cohen(np.log(chosen), np.log(rejected))
    wins = float((chosen > rejected).sum() + (chosen == rejected).sum() / 2)
    low, high = (float(end) for end in wilson(wins, len(chosen)))
    longer = effect.low > max_effect or low > max_share
    shorter = effect.high < -max_effect or high < 1 - max_share
    if not longer and not shorter:
        return
    share = wins / len(chosen)
    word, right = ("longer", share) if longer else ("shorter", 1 - share)
    typical = [float(np.median(chosen)), float(np.median(rejected))]
    yield Finding(
        message=(
            f"the {word} answer is chosen in {100 * right:.0f} % of {len(chosen):,} pairs: the "
            f"chosen ones have {typical[0]:,.0f} characters in the middle, the rejected ones "
            f"{typical[1]:,.0f}"
        ),
        evidence=(
            Number(
                name="Cohen's d of the logarithm of the length, chosen less rejected",
                value=effect.value,
                low=effect.low,
                high=effect.high,
                bound=f"between {-max_effect:g} and {max_effect:g}",
            ),
            Number(
                name=f"pairs that a rule gets right which always takes the {word} answer",
                value=100 * right,
                low=100 * (low if longer else 1 - high),
                high=100 * (high if longer else 1 - low),
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Table(
                name="characters of an answer",
                columns=("share of answers that are shorter", "chosen", "rejected"),
                rows=tuple(
                    (f"{100 * q:g} %", int(np.quantile(chosen, q)), int(np.quantile(rejected, q)))
                    for q in QUANTILES
                ),
                total=len(QUANTILES),
            ),
        ),
        impact=f"the model learns to answer {'at greater length' if longer else 'in fewer words'}",
        fixes=(
            Fix(
                title="match the lengths of both sides, or use a loss that normalises length",
                safety=Safety.MANUAL,
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Effect:
    value: float
    low: float
    high: float


def _cohen(one: NDArray[np.float64], other: NDArray[np.float64]) -> _Effect:
    """Cohen's d of paired values with the average variance, and Bonett's 95 % interval."""
    n = len(one)
    first, second = float(one.var(ddof=1)), float(other.var(ddof=1))
    between = one - other
    average = (first + second) / 2
    if average == 0:
        value = math.copysign(math.inf, between.mean()) if between.any() else 0.0
        return _Effect(value, value, value)
    value = float(between.mean()) / math.sqrt(average)
    shared = float(np.cov(one, other)[0, 1])
    variance = value**2 * (first**2 + second**2 + 2 * shared**2) / (8 * (n - 1) * average**2)
    variance += float(between.var(ddof=1)) / ((n - 1) * average)
    half = NORMAL_95 * math.sqrt(variance)
    return _Effect(value, value - half, value + half)
