"""DAT058: pairs and triples whose texts contradict their score or their place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    DropRows,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.near.folding import folded
from tunewell.facts.pairs.pair_scores import holds_scores, numbers
from tunewell.facts.parts import parts, places, require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

EXAMPLES = 5
ON_PURPOSE = 0.5

Flags = NDArray[np.bool_]


@check("DAT058", category=Category.CORRECTNESS, severity=Severity.WARNING)
def degenerate_pairs(dataset: Dataset, *, low_score: float = 0.5) -> Iterator[Finding]:
    """Equal texts with a low score, or a negative that is the anchor or the positive.

    ## What it finds
    Training rows of text pairs that cannot be right: two equal texts that are scored as unlike;
    a triple whose negative equals its positive or its anchor; a positive that is the anchor itself.

    ## Why it matters
    Equal texts have a cosine of 1 whatever the model does, so the loss can never fall and its
    gradient pushes all other texts instead. A positive that is the anchor teaches nothing and, in
    losses with negatives from the batch, makes the row trivially right.

    ## How it is measured
    By folded texts (without case, punctuation marks and extra white space). Scores count as low
    below `low_score` (0.5) of the way from the smallest to the largest score of the split. Equal
    texts with class labels are left alone, because which class means "the same" is not known
    (0 is entailment in MNLI and "different" in QQP). Where more than half of the pairs are equal
    texts they are meant to be: SimCSE trains on them through dropout.

    ## Example
    `{"anchor": "red shoes", "positive": "scarlet shoes", "negative": "Red shoes!"}`

    ## Fix
    Drop the rows.

    ## When it is wrong
    When case or punctuation is what is compared.

    ## Sources
    Gao et al. 2021, "SimCSE". Equal texts in different rows of a batch (fault M01 of the catalogue)
    are not looked for here; `BatchSamplers.NO_DUPLICATES` of sentence-transformers avoids them.
    """
    require_kind(dataset, {Kind.PAIRS})
    train = dataset.train
    faults = _faults(train, low_score)
    wrong = np.zeros(len(train), dtype=bool)
    for flags in faults.values():
        wrong |= flags
    rows = np.flatnonzero(wrong)
    if not len(rows):
        return
    told = ", ".join(
        f"{int(flags.sum()):,} {what}" for what, flags in faults.items() if flags.any()
    )
    yield Finding(
        message=f"{len(rows):,} of {len(train):,} rows contradict themselves: {told}",
        where=places(train, rows),
        evidence=(
            *(
                Number(name=what, value=int(flags.sum()), bound="0 rows", unit="rows")
                for what, flags in faults.items()
            ),
            Table(
                name="rows",
                columns=("line", "label", "texts"),
                rows=tuple(
                    (
                        train.lines[row],
                        train.labels[row],
                        " | ".join(text for _, text in parts(train).of_row(row)),
                    )
                    for row in rows[:EXAMPLES].tolist()
                ),
                total=len(rows),
            ),
        ),
        impact="no model can satisfy these rows, and trying moves all other texts",
        fixes=(
            Fix(
                title=f"drop {counted(len(rows), 'row')}",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(rows.tolist())),),
            ),
        ),
    )


def _faults(split: Split, low_score: float) -> dict[str, Flags]:
    """What is wrong, with a flag for each row."""
    known = parts(split)
    texts = np.array(folded(known.texts.column).to_pylist(), dtype=object)
    sides: dict[Role, NDArray[np.object_]] = {}
    for role in (Role.TEXT, Role.SECOND, Role.NEGATIVE):
        at = np.flatnonzero(known.role == int(role))
        side = np.full(known.rows, None, dtype=object)
        side[known.row[at]] = texts[at]
        sides[role] = side
    anchor, positive, negative = sides[Role.TEXT], sides[Role.SECOND], sides[Role.NEGATIVE]
    same = _same(anchor, positive)
    on_purpose = same.sum() > ON_PURPOSE * len(split)
    found = {
        "with a negative equal to the positive": _same(negative, positive),
        "with a negative equal to the anchor": _same(negative, anchor),
    }
    if holds_scores(split):
        scores = numbers(split)
        low, high = np.nanmin(scores), np.nanmax(scores)
        below = scores < low + low_score * (high - low)
        found["with equal texts and a low score"] = same & below
    elif not on_purpose and all(label is None for label in split.labels):
        found["with a positive equal to the anchor"] = same
    return found


def _same(one: NDArray[np.object_], other: NDArray[np.object_]) -> Flags:
    """Where both are there, are not empty, and are equal."""
    return np.asarray([bool(a) and a == b for a, b in zip(one, other, strict=True)], dtype=bool)
