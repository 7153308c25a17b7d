"""DAT063: labels that have nothing to do with the texts."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.labels.label_order import LabelOrder, label_order
from tunewell.facts.parts import require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

SURE_CLASSES = 5
"""Classes from which on a relation that no words show is unlikely: order of words or arithmetic
decides between two classes (acceptable or not, odd or even), seldom between many."""


@check(
    "DAT063",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.LOW,
    covers=("D31",),
)
def labels_unrelated_to_text(
    dataset: Dataset, *, max_fit: float = 0.53, min_rows: int = 300
) -> Iterator[Finding]:
    """Labels that fit their texts no better than labels drawn at random.

    ## What it finds
    A split whose labels cannot be told from random ones by the words of the texts: one column was
    shuffled or sorted alone, or joined by the wrong key.

    ## Why it matters
    Nothing can be learned from such rows. A model trained on them learns them by heart at best, and
    an evaluation of this kind shows chance whatever the model does.

    ## How it is measured
    A text model (naive Bayes on runs of four characters, fitted in three folds) says whether a text
    fits its label better than the label of a random row with another one. 50 % is chance. The
    finding needs at least `min_rows` rows (300: three standard errors are then 9 points), a fit of
    at most `max_fit` (0.53), and one that is no better with the labels one or two rows further on
    (those are `shifted-labels`). BANKING77 and CLINC150 have 99 %, SMS Spam 97 %, GoEmotions 76 %
    in training and 72 % in the rows that judge; with permuted labels, and with the label column
    sorted alone, all have 52 % or less. With five classes or more the confidence is medium, else
    low: that an answer of GSM8K is odd or even has 51 %, though it follows from the text, and
    which of two answers of HH-RLHF people chose has 54 %.

    ## Example
    A file whose label column was sorted in a spreadsheet while the text column was not.

    ## Fix
    Join texts and labels again by a key.

    ## When it is wrong
    When the order of words or arithmetic decides the label, and no word by itself is evidence:
    grammatical or not, odd or even, the same meaning or not.

    ## Sources
    Fault D31 of the catalogue; Ojala and Garriga 2010 for the comparison with permuted labels.
    """
    require_kind(dataset, {Kind.CLASSIFICATION, Kind.MULTI_LABEL})
    orders = [(split, label_order(split)) for split in dataset.splits]
    judged = [(split, order) for split, order in orders if order.judged >= min_rows]
    if not judged:
        reason = f"no split has {min_rows:,} rows with texts and labels that differ"
        raise NotApplicableError(reason)
    found = [(split, order) for split, order in judged if _by_chance(order, max_fit, min_rows)]
    if not found:
        return
    _, order = found[0]
    names = ", ".join(split.name for split, _ in found)
    many = len(dataset.label_names) >= SURE_CLASSES
    yield Finding(
        message=(
            f"the labels of {names} fit their texts no better than random ones: in "
            f"{100 * order.own:.0f} % of {order.judged:,} comparisons, and 50 % is chance"
        ),
        where=tuple(File(path=str(split.source.path)) for split, _ in found),
        evidence=(
            Number(
                name="labels that fit better than random ones",
                value=100 * order.own,
                unit="%",
                bound=f"above {100 * max_fit:g} %",
                low=100 * (order.own - _error(order)),
                high=100 * (order.own + _error(order)),
            ),
            Table(
                name="fit of each split's labels",
                columns=("split", "rows compared", "fit better than random ones, %"),
                rows=tuple(_row(split, order) for split, order in judged),
                total=len(judged),
            ),
        ),
        impact="nothing can be learned from these rows, and nothing judged by them",
        fixes=(Fix(title="join texts and labels again by a key", safety=Safety.MANUAL),),
        confidence=Confidence.MEDIUM if many else Confidence.LOW,
    )


def _by_chance(order: LabelOrder, max_fit: float, min_rows: int) -> bool:
    """Whether no pairing is better than chance; the best of five may be so by luck."""
    if order.own > max_fit or order.stretches:
        return False
    # In a sorted file the other pairings are nearly the same one.
    return order.telling < min_rows or max(order.fit.values()) <= max_fit + _error(order)


def _error(order: LabelOrder) -> float:
    """Half of a 95 % interval around a fit at chance."""
    return float(1.96 * 0.5 / order.judged**0.5)


def _row(split: Split, order: LabelOrder) -> tuple[str, int, float]:
    return split.name, order.judged, round(100 * order.own, 1)
