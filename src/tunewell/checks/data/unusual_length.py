"""DAT023: rows that are far longer or shorter than all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Confidence, Evidence, Finding, Number, Severity
from tunewell.core.words import counted
from tunewell.facts.parts import of_roles, parts
from tunewell.facts.writing.flagged import flag, joined
from tunewell.facts.writing.lengths import lengths
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

ANSWERS = frozenset({Role.ANSWER, Role.CHOSEN})
SHORT = 3
NARROWEST = np.log(1.5)
"""Quartiles of log length closer than this would make any difference unusual."""


@dataclass(frozen=True)
class Usual:
    """Row lengths of a split in characters: the bound, the 99th percentile and the longest."""

    bound: float
    most: float
    longest: int


@check(
    "DAT023",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D37",),
)
def unusual_length(
    dataset: Dataset,
    *,
    quartile_spans: float = 3.0,
    times: float = 5.0,
    warn_times: float = 10.0,
    min_characters: int = 2000,
    fewest_rows: int = 50,
) -> Iterator[Finding]:
    """Rows that are far longer, or answers that are far shorter, than all others.

    ## What it finds
    - rows far longer than the rest: a whole file in one field, a page pasted by mistake;
    - answers of one to three characters where all other answers are long.

    ## Why it matters
    A batch is padded to its longest row. One row of a million characters makes every row of its
    batch as expensive as itself, sets the peak of memory, or is cut to a meaningless beginning.

    ## How it is measured
    On the logarithm of the length in characters. A row is too long if it lies more than
    `quartile_spans` distances of the quartiles (3, the outer fence of a box plot) above the upper
    one, has more than `times` the characters that 99 % of the rows have at most (5), and at least
    `min_characters` (2,000, about 500 tokens: shorter rows cost nothing). An answer is too short if
    it has at most 3 characters and lies as far below the lower quartile. From `warn_times` the 99 %
    length on (10) it is a warning, else information. Splits of fewer than `fewest_rows` rows (50)
    have no usual length.

    ## Example
    A row of 1,000,000 characters among rows of 300.

    ## Fix
    Drop the rows; or cut long documents into pieces.

    ## When it is wrong
    When a few long documents are what the data set is for.

    ## Sources
    Fault D37 of the catalogue. Tukey, "Exploratory Data Analysis" (1977), for the fences. Alpaca,
    GSM8K, HH-RLHF, BANKING77, CLINC150, GoEmotions and SMS Spam have no such row.
    """
    usual = _usual(dataset.train, quartile_spans, times, min_characters, fewest_rows)
    long = flag(dataset, lambda split: _rows_above(split, usual))
    short = flag(dataset, lambda split: _short(split, quartile_spans, fewest_rows))
    found = joined(long, short)
    if not found.count:
        return
    longest = max(int(_row_lengths(split).max()) for split in dataset.splits if len(split))
    sentences: list[str] = []
    evidence: list[Evidence] = []
    if long.count:
        sentences.append(
            f"{long.of_all} {'is' if long.count == 1 else 'are'} far longer than the rest: the "
            f"longest has {longest:,} characters, 99 % of the rows have at most {usual.most:,.0f}"
        )
        evidence.append(
            Number(
                name="longest row",
                value=longest,
                unit="characters",
                bound=f"{usual.bound:,.0f} characters",
            )
        )
    if short.count:
        verb = "has an answer" if short.count == 1 else "have an answer"
        sentences.append(
            f"{short.of_all} {verb} of at most {counted(SHORT, 'character')}, far shorter than the "
            "rest"
        )
    yield Finding(
        message="; ".join(sentences),
        where=found.where,
        evidence=(*evidence, found.examples("rows of unusual length")),
        impact="the longest row of a batch sets what the whole batch costs",
        fixes=(found.drop("row"),),
        severity=(
            Severity.WARNING if long.count and longest >= warn_times * usual.most else Severity.INFO
        ),
    )


def _row_lengths(split: Split) -> Ints:
    """The characters of each row."""
    known = parts(split)
    total = np.concatenate(([0], np.cumsum(lengths(split))))
    return np.asarray(total[known.start[1:]] - total[known.start[:-1]], dtype=np.int64)


def _fence(sizes: Ints, quartile_spans: float) -> tuple[float, float]:
    """The lengths beyond which a text is unusually short or long."""
    low, high = np.quantile(np.log(sizes), (0.25, 0.75))
    span = quartile_spans * max(high - low, NARROWEST)
    return float(np.exp(low - span)), float(np.exp(high + span))


def _usual(
    train: Split, quartile_spans: float, times: float, min_characters: int, fewest_rows: int
) -> Usual:
    sizes = _row_lengths(train)
    sizes = sizes[sizes > 0]
    if len(sizes) < fewest_rows:
        return Usual(bound=np.inf, most=np.inf, longest=0)
    most = float(np.quantile(sizes, 0.99))
    bound = max(_fence(sizes, quartile_spans)[1], times * most, float(min_characters))
    return Usual(bound=bound, most=most, longest=int(sizes.max()))


def _rows_above(split: Split, usual: Usual) -> Ints:
    """The longest part of each row above the bound."""
    known, sizes = parts(split), lengths(split)
    chosen = [
        int(known.start[row] + np.argmax(sizes[known.start[row] : known.start[row + 1]]))
        for row in np.flatnonzero(_row_lengths(split) > usual.bound).tolist()
    ]
    return np.array(chosen, dtype=np.int64)


def _short(split: Split, quartile_spans: float, fewest_rows: int) -> Ints:
    """Answers of a few characters among long ones."""
    at = of_roles(split, ANSWERS)
    at = at[lengths(split)[at] > 0]
    if len(at) < fewest_rows:
        return np.empty(0, dtype=np.int64)
    sizes = lengths(split)[at]
    bound = min(_fence(sizes, quartile_spans)[0], SHORT)
    chosen: Ints = at[sizes <= bound]
    return chosen
