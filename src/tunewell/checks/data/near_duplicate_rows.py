"""DAT006: training rows that are nearly the same as another."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

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
from tunewell.facts.near.duplicates import groups, near_pairs
from tunewell.facts.parts import places
from tunewell.subjects.dataset import Dataset

EXAMPLES = 5


@check(
    "DAT006",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("D32",),
)
def near_duplicate_rows(
    dataset: Dataset, *, similarity: float = 0.8, max_share: float = 0.1
) -> Iterator[Finding]:
    """Training rows that differ from another only by a word or two.

    ## What it finds
    Training texts that share most of their five-character runs with another training text, without
    being equal to it.

    ## Why it matters
    Copies with small edits add rows but little to learn, and a random split puts them on both
    sides.

    ## How it is measured
    By the Jaccard similarity of the sets of five-character runs, at least `similarity` (0.8, the
    bound that the deduplication of 20 Newsgroups and of web corpora uses). It speaks when more than
    `max_share` of the rows have such a partner: 10 %, because carefully written sets of short
    messages have 3 % to 5 % by nature (BANKING77 3.0 %, CLINC150 4.4 %). Up to 4 MB of text every
    similar pair is looked for; in more text candidates come from MinHash, which finds 94 to 97 in
    100 of the rows that have a partner. Every pair that counts was compared in full.

    ## Example
    `Can I get a card if I live in the US` and `can i get a card i live in the us`.

    ## Fix
    Keep one of each by hand, or split the data so that partners stay on one side.

    ## When it is wrong
    When the small difference is what the classes are about ("top up by card", "top up by cash").

    ## Sources
    Fault D32 of the catalogue; Broder 1997 on resemblance; Lee et al. 2022.
    """
    train = dataset.train
    known, near = groups(dataset), near_pairs(dataset, similarity)
    in_train = known.group[: len(train)]
    row_of = np.full(len(known.texts), -1)
    with_text = np.flatnonzero(in_train >= 0)[::-1]
    row_of[in_train[with_text]] = with_text  # of equal rows the first one stays
    rows = row_of[near.pairs]
    both = np.flatnonzero((rows >= 0).all(axis=1))
    partners = np.unique(rows[both])
    share = len(partners) / len(train)
    if share <= max_share:
        return
    best = both[np.argsort(-near.similarity[both], kind="stable")][:EXAMPLES]
    yield Finding(
        message=(
            f"{len(partners):,} of {len(train):,} training rows ({100 * share:.1f} %) differ from "
            "another only in a few characters"
        ),
        where=places(train, partners),
        evidence=(
            Number(
                name="rows with a near duplicate",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Table(
                name="most similar pairs",
                columns=("similarity", "one", "other"),
                rows=tuple(
                    (
                        round(float(near.similarity[at]), 3),
                        train.texts[rows[at, 0]],
                        train.texts[rows[at, 1]],
                    )
                    for at in best
                ),
                total=len(both),
            ),
        ),
        impact="there is less to learn from than the number of rows says",
        fixes=(Fix(title="keep one of each, or split by group", safety=Safety.MANUAL),),
    )
