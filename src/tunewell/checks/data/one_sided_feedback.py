"""DAT056: unpaired preferences of one kind alone, or that contradict each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    DropRows,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.parts import places, require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

EXAMPLES = 5
GOOD, BAD = "true", "false"


@check(
    "DAT056",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R16",),
)
def one_sided_feedback(dataset: Dataset, *, min_share: float = 0.1) -> Iterator[Finding]:
    """Nearly all answers are desirable, or undesirable, or the same answer is both.

    ## What it finds
    Data for KTO, an answer with a thumb up or down a row, in which one of the two hardly occurs,
    or in which the same answer to the same prompt has both.

    ## Why it matters
    KTO learns from the contrast of the two kinds. Without one of them nothing holds the other
    back: the model is pushed towards everything, or away from everything, that is in the data. An
    answer with both thumbs pushes in opposite directions.

    ## How it is measured
    By the rarer kind's share: none at all is an error, a share under `min_share` (10 %) a warning.
    In the paper KTO still works where nine of ten desirable rows are left out, provided that the
    two kinds are weighted to balance; TRL asks for weights that bring the ratio of the weighted
    kinds to between 1 and 4/3. Below 50 rows a small share may be chance and only a missing kind
    is told. Contradictions are rows with equal texts and both labels, and are a warning.

    ## Example
    10,000 rows with `label: true` and 120 with `label: false`.

    ## Fix
    Collect the missing kind, or set `desirable_weight` and `undesirable_weight`. Drop rows with
    both labels.

    ## When it is wrong
    When the contradiction is real disagreement among people; KTO then averages it.

    ## Sources
    Fault R16 of the catalogue; Ethayarajh et al. 2024, "KTO: Model Alignment as Prospect Theoretic
    Optimization"; `KTOTrainer` of TRL 1.16.
    """
    require_kind(dataset, {Kind.UNPAIRED})
    train = dataset.train
    counts = Counter(label for label in train.labels if label in {GOOD, BAD})
    total = counts[GOOD] + counts[BAD]
    both = _contradictions(train)
    rarer = BAD if counts[BAD] <= counts[GOOD] else GOOD
    share = counts[rarer] / total if total else 0.5
    alone = total > 1 and not counts[rarer]
    few = not alone and total * min_share >= FEWEST_EXPECTED and share < min_share
    if not (alone or few or len(both)):
        return
    told = []
    word = "undesirable" if rarer == BAD else "desirable"
    if alone:
        told.append(f"none of {total:,} answers is {word}")
    elif few:
        told.append(f"{counts[rarer]:,} of {total:,} answers ({100 * share:.2g} %) are {word}")
    if len(both):
        told.append(f"{len(both):,} rows have an answer that is both desirable and undesirable")
    fixes = []
    if len(both):
        fixes.append(
            Fix(
                title=f"drop {counted(len(both), 'row')} with both labels",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(both)),),
            )
        )
    if alone or few:
        fixes.append(
            Fix(
                title=f"collect {word} answers, or weigh the two kinds to balance",
                safety=Safety.MANUAL,
            )
        )
    yield Finding(
        message="; ".join(told),
        where=places(train, both),
        evidence=(
            Number(
                name=f"{word} answers",
                value=100 * share,
                unit="%",
                bound=f"at least {100 * min_share:g} %",
            ),
            Table(
                name="answers with both labels",
                columns=("line", "label", "row"),
                rows=tuple(
                    (train.lines[row], train.labels[row], train.texts[row])
                    for row in both[:EXAMPLES]
                ),
                total=len(both),
            ),
        ),
        impact=(
            "nothing holds the model back from what the other rows push it to"
            if alone or few
            else "these rows push the model in opposite directions"
        ),
        fixes=tuple(fixes),
        severity=Severity.ERROR if alone else Severity.WARNING,
    )


FEWEST_EXPECTED = 5
"""Rows of the rarer kind that `min_share` must stand for, as in the usual rule for shares."""


def _contradictions(split: Split) -> list[int]:
    """Rows whose text, prompt and answer together, occurs with both labels."""
    labelled = [label in {GOOD, BAD} for label in split.labels]
    keys = np.array([hash(text) for text in split.texts], dtype=np.int64)
    _, group = np.unique(keys, return_inverse=True)
    good = np.array([label == GOOD for label in split.labels], dtype=bool)
    bad = np.array(labelled, dtype=bool) & ~good
    mixed = np.isin(group, group[good]) & np.isin(group, group[bad]) & (good | bad)
    rows: list[int] = np.flatnonzero(mixed).tolist()
    # Equal hashes are not proof of equal texts.
    seen: dict[str, set[str | None]] = {}
    for row in rows:
        seen.setdefault(split.texts[row], set()).add(split.labels[row])
    return [row for row in rows if len(seen[split.texts[row]]) > 1]
