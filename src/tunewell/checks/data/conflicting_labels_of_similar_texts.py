"""DAT071: training texts that say the same in nearly the same words, under different labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

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
from tunewell.core.words import counted
from tunewell.facts.labels.classes import label_sets
from tunewell.facts.labels.fillers import essence
from tunewell.facts.near.duplicates import groups
from tunewell.facts.parts import places, require_kind
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind

EXAMPLES = 10
TEXTS_SHOWN = 4


@check(
    "DAT071",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D31",),
)
def conflicting_labels_of_similar_texts(
    dataset: Dataset, *, max_texts: int = 0
) -> Iterator[Finding]:
    """Training texts that differ in words without weight and have different labels.

    ## What it finds
    English training texts that are equal but for words such as "please", "the" or "so", for short
    forms ("can't") and for British spellings, and have different labels; where rows have several
    labels, texts whose rows share none. Texts that are wholly equal are `conflicting-labels`.

    ## Why it matters
    As with equal texts: no model can be right on both rows, and where they are, the line between
    two classes was not clear to the people who drew it.

    ## How it is measured
    Fillers are taken out of the folded texts, and what is left, three words or more, is compared.
    Nothing else may differ: of texts that merely look alike, "not", a number or one other word
    decides the label ("change my oil", "change my tires"), and most such pairs are labelled
    rightly. More than `max_texts` contradicted texts, 0 by default, is a warning.

    BANKING77 has 2 such texts, the full CLINC150 1 and GoEmotions 11; beside them 130, 342 and 33
    are labelled alike.

    ## Example
    `set a reminder for me` under `reminder_update`, `please set a reminder for me` under `alarm`.

    ## Fix
    Look at each and give it one label; or say in the guide for labelling what tells the classes
    apart.

    ## When it is wrong
    When politeness or emphasis is what is classified.

    ## Sources
    Fault D31 of the catalogue; Northcutt et al. 2021, "Pervasive Label Errors in Test Sets".
    """
    require_kind(dataset, {Kind.CLASSIFICATION, Kind.MULTI_LABEL})
    train = dataset.train
    labels = label_sets(train)
    alike: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    group = groups(dataset).group[: len(train)].tolist()
    for row, text in enumerate(train.texts):
        if train.labels[row] is not None and (said := essence(text)):
            alike[said].append((group[row], row))
    found = [same for rows in alike.values() if (same := _contradicted(rows, labels))]
    if len(found) <= max_texts:
        return
    rows = sorted(row for same in found for row in same)
    share = 100 * len(rows) / len(train)
    noun = counted(len(found), "training text has", "training texts have")
    yield Finding(
        message=(
            f"{noun} different labels where only words without weight differ "
            f"({counted(len(rows), 'row')}, {share:.3g} %)"
        ),
        where=places(train, rows),
        evidence=(
            Number(
                name="rows contradicted by a text that says the same",
                value=share,
                unit="%",
                bound=f"at most {max_texts:,} texts",
            ),
            Table(
                name="texts that say the same under different labels",
                columns=("lines", "texts", "labels"),
                rows=tuple(
                    (
                        ", ".join(str(train.lines[row]) for row in same[:TEXTS_SHOWN]),
                        " | ".join(train.texts[row] for row in same[:TEXTS_SHOWN]),
                        " | ".join(" + ".join(labels[row]) or "none" for row in same[:TEXTS_SHOWN]),
                    )
                    for same in found[:EXAMPLES]
                ),
                total=len(found),
            ),
        ),
        impact="these rows pull against each other, and no model can be right on all of them",
        fixes=(Fix(title="look at each and give it one label", safety=Safety.MANUAL),),
    )


def _contradicted(rows: Sequence[tuple[int, int]], labels: Sequence[tuple[str, ...]]) -> list[int]:
    """The rows of texts that contradict another text; a text at odds with itself is left out."""
    of_text: defaultdict[int, list[int]] = defaultdict(list)
    for group, row in rows:
        of_text[group].append(row)
    agreed = [
        same
        for same in of_text.values()
        if not any(_apart(labels[one], labels[other]) for one in same for other in same)
    ]
    return [
        row
        for same in agreed
        for row in same
        if any(
            _apart(labels[row], labels[other])
            for others in agreed
            if others is not same
            for other in others
        )
    ]


def _apart(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one != other and not set(one) & set(other)
