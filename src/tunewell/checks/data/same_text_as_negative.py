"""DAT124: right answers that count as wrong because their batch has them twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.subjects.in_batch_negatives import InBatchNegatives


@check(
    "DAT124",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("M01",),
)
def same_text_as_negative(pairs: InBatchNegatives, *, max_share: float = 0.05) -> Iterator[Finding]:
    """Embedding batches in which a right answer stands among the wrong ones.

    ## What it finds
    A loss that takes every other positive of the batch for a wrong answer, on data in which rows
    share their anchor or their positive, with a sampler that lets them meet.

    ## Why it matters
    The model is told to move a text away from its own answer. The more rows a batch has, the more
    often it happens, although large batches are what such losses want.

    ## How it is measured
    By arithmetic: for each of at most 4,000 rows, the share of other rows with its anchor or
    positive gives the chance that one of them is in its random batch. A mean chance above
    `max_share` is a warning: 0.05, which is our own choice. The loss is at work on 19 of 20 rows
    then; a few repeated questions in a large set stay far below.

    ## Example
    200 questions with 5 answers each in batches of 64: 22 % of the rows meet another answer
    to its own question.

    ## Fix
    Set `batch_sampler="no_duplicates"`.

    ## When it is wrong
    When equal texts are few and large batches matter more.

    ## Sources
    Fault M01 of the catalogue, reproduced with sentence-transformers 6.2; its documentation of
    `MultipleNegativesRankingLoss` recommends the sampler.
    """
    if pairs.separates or not pairs.shared:
        return
    shared = np.clip(np.array(pairs.shared), 0.0, 1.0)
    chance = float((1 - (1 - shared) ** (pairs.batch_size - 1)).mean())
    if chance <= max_share:
        return
    yield Finding(
        message=(
            f"{100 * chance:.3g} % of the rows meet a row of the same "
            f"{' or '.join(pairs.columns)} in their batch of {pairs.batch_size:,}, and "
            f"{pairs.loss} counts that row's answer as wrong"
        ),
        where=(Key(path="batch_sampler"),),
        evidence=(
            Number(
                name="rows with a right answer among the wrong ones",
                value=100 * chance,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Table(
                name="texts of several rows",
                columns=("text", "rows"),
                rows=pairs.examples,
                total=len(pairs.examples),
            ),
        ),
        impact="the model learns to move texts away from their own answers",
        fixes=(Fix(title='set batch_sampler="no_duplicates"', safety=Safety.MANUAL),),
    )
