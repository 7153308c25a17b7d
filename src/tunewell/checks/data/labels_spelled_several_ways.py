"""DAT060: one class under several spellings of its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    SetLabel,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.labels.classes import LABELLED, unit
from tunewell.facts.labels.spellings import Spelling, spellings
from tunewell.facts.parts import require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

NAMES_SHOWN = 3
SHOWN = 20
NUMBERED = frozenset({"parquet", "saved data set"})
"""Formats that keep numbers for labels and their names apart."""


@check("DAT060", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D31",))
def labels_spelled_several_ways(dataset: Dataset, *, max_labels: int = 0) -> Iterator[Finding]:
    """Training labels that are one class, spelled in several ways.

    ## What it finds
    Labels that differ only in case, white space, hyphens, underscores, quotes, Unicode form or as
    1 and 1.0 do; and rare labels that are a plural or a typo of a far more frequent one.

    ## Why it matters
    Each spelling becomes a class of its own. The model is punished for answering one spelling where
    the other was written, and rows are missing from the class that is meant.

    ## How it is measured
    Names are folded and compared; signs stay, so that `c++` is not `c` and `-1` is not `1`, and so
    do prefixes such as `not_`. A plural or a typo (one letter wrong in a name of 5 letters or more,
    two from 10 on, never the first one) counts only if the rare label has at most 5 % of the rows
    of the frequent one, the same digits, no word that another label uses, and texts at least half
    of which fit the frequent label best of all classes, to a model that was not taught the rare
    one. More than `max_labels` such spellings, 0 by default, is a warning.

    Nothing is found in BANKING77, CLINC150, SMS Spam and GoEmotions, whose nearest names are `time`
    and `timer`. Of 120 typos planted in one to three rows of BANKING77 and three forms of CLINC150,
    112 were found, and none of 109 rare classes with other texts and a name one letter away was
    taken for a typo.

    ## Example
    `refund` in 400 rows, `Refund` in 30 and `refnud` in 2.

    ## Fix
    Write each as the most frequent spelling.

    ## When it is wrong
    When case tells classes apart, as in letters of the alphabet.

    ## Sources
    Fault D31 of the catalogue; Damerau 1964 for the four kinds of slip.
    """
    require_kind(dataset, LABELLED)
    train = dataset.train
    found = spellings(train)
    if len(found) <= max_labels:
        return
    rows = sum(spelling.rows for spelling in found)
    listed = ", ".join(f"{s.label!r} for {s.meant!r}" for s in found[:NAMES_SHOWN])
    more = f" and {len(found) - NAMES_SHOWN:,} more" if len(found) > NAMES_SHOWN else ""
    noun = unit(dataset.kind, rows)
    total = sum(map(len, train.label_sets)) if _tags(train) and train.label_sets else len(train)
    yield Finding(
        message=(
            f"{counted(len(found), 'label is', 'labels are')} another spelling of a more frequent "
            f"one: {listed}{more} ({rows:,} {noun}, {100 * rows / total:.3g} %)"
        ),
        where=(Classes(names=tuple(sorted({s.label for s in found} | {s.meant for s in found}))),),
        evidence=(
            Number(
                name="labels that are another spelling",
                value=len(found),
                unit="labels",
                bound=f"at most {max_labels:,}",
            ),
            Table(
                name="spellings",
                columns=("label", unit(dataset.kind, 2), "more frequent label", "of which", "kind"),
                rows=tuple(
                    (s.label, s.rows, s.meant, s.meant_rows, "slip" if s.slip else "form")
                    for s in found[:SHOWN]
                ),
                total=len(found),
            ),
        ),
        impact="one class is learned as several, each with fewer rows",
        fixes=(_merge(dataset, found),),
        confidence=Confidence.MEDIUM if all(s.slip for s in found) else Confidence.HIGH,
    )


def _tags(split: Split) -> bool:
    return split.kind is Kind.TAGGING


def _merge(dataset: Dataset, found: Sequence[Spelling]) -> Fix:
    """One edit for each spelling and split; by hand where a cell holds more than a single name."""
    title = f"write {counted(len(found), 'label')} as the most frequent spelling"
    source = dataset.train.source
    numbers = bool(source.class_names) and source.format in NUMBERED
    if dataset.kind is not Kind.CLASSIFICATION or numbers:
        return Fix(title=title, safety=Safety.MANUAL)
    meant = {spelling.label: spelling.meant for spelling in found}
    edits = []
    for spelling in found:
        right = meant.get(spelling.meant, spelling.meant)
        for split in dataset.splits:
            rows = tuple(at for at, label in enumerate(split.labels) if label == spelling.label)
            if rows:
                edits.append(SetLabel(split=split.name, rows=rows, old=spelling.label, new=right))
    return Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits))
