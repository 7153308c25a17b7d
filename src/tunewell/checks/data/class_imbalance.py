"""DAT009: one class has many times the rows of another."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Number,
    Severity,
    Table,
)
from tunewell.facts.labels.balance import Remedy, remedies
from tunewell.facts.labels.classes import FEWEST_TO_LEARN, LABELLED, unit
from tunewell.facts.labels.spellings import merged_counts
from tunewell.facts.parts import require_kind
from tunewell.subjects.augmenter import Augmenter
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind
from tunewell.subjects.recipe import Recipe

CLASSES_SHOWN = 10
OUTSIDE = "O"
"""The tag of a token that is part of nothing; most tokens have it, and that is no fault."""


@check(
    "DAT009",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D30", "M04"),
)
def class_imbalance(
    dataset: Dataset,
    recipe: Recipe | None,
    augmenter: Augmenter | None,
    *,
    max_ratio: float = 10.0,
    remedy: Remedy = "weights",
) -> Iterator[Finding]:
    """The largest class has many times the training rows of the smallest.

    ## What it finds
    Training data in which the rows of the largest class are a large multiple of those of the
    smallest, while the loss weighs all rows alike.

    ## Why it matters
    The model does well by answering with the large classes, and accuracy hides that the small ones
    are never found. SetFit makes it worse: a class of n rows gives n (n + 1) / 2 pairs of its own,
    so ten times the rows are a hundred times the pairs, and over-sampling evens out pairs that
    agree against pairs that differ, never class against class.

    ## How it is measured
    By the rows of the largest class over those of the smallest, all spellings of a label together;
    of tags by tokens, without the tag `O`. The bound is `max_ratio`, 10 as in the catalogue: sets
    that train well without weights stay below (BANKING77 5.3, SMS Spam 6.5, the imbalanced CLINC150
    4); GoEmotions, whose paper reports that its rare labels are learned badly, has 185. A recipe
    with class weights or a focal loss is left alone, and so are classes of fewer than 8 rows, which
    weights do not help (`rare-classes`).

    ## Example
    1,900 rows of `ham` and 100 of `spam`.

    ## Fix
    Weigh the classes in the loss (`class_weights = "balanced"`), and judge by macro F1. Another
    cure is chosen with the option `remedy`: "weights"; "focal", a loss in which rows that are right
    already count less (`focal_gamma`); "repeat" the rows of small classes until `max_ratio` holds;
    "augment" them with copies that differ in case, contractions and typing mistakes, never in the
    words that tell the class, or with what a generator of your own makes (`--augment-with`); or
    "thin" out the large classes. Of 24 classes, half with 8 rows and half with about 50, macro-F1
    rose by 31 points with repeated rows, 27 with weights, 26 with changed copies and 5 with the
    focal loss; thinning decided nothing (benchmarks/balance.py).

    ## When it is wrong
    When only overall accuracy counts, and users meet the classes in these proportions.

    ## Sources
    Faults D30 and M04 of the catalogue; `ContrastiveDataset` of SetFit 1.2 for the pairs; King
    and Zeng 2001 for the balanced weights that scikit-learn uses.
    """
    require_kind(dataset, LABELLED)
    if recipe is not None and (recipe.class_weights != "none" or recipe.focal_gamma > 0):
        return
    tags = dataset.kind is Kind.TAGGING
    ordered = [
        (name, rows)
        for name, rows in merged_counts(dataset.train).items()
        if rows >= FEWEST_TO_LEARN and not (tags and name == OUTSIDE)
    ]
    if not ordered:
        return
    noun = unit(dataset.kind, 2)
    (largest, most), (smallest, fewest) = ordered[0], ordered[-1]
    ratio = most / fewest
    if ratio <= max_ratio:
        return
    small = [name for name, rows in ordered if most / rows > max_ratio]
    shown = (
        ordered
        if len(ordered) <= CLASSES_SHOWN
        else (ordered[: CLASSES_SHOWN // 2] + ordered[-CLASSES_SHOWN // 2 :])
    )
    yield Finding(
        message=(
            f"class {largest!r} has {most:,} training {noun}, {ratio:.0f} times the {fewest:,} of "
            f"{smallest!r}"
        ),
        where=(Classes(names=tuple(sorted(small))),),
        evidence=(
            Number(name="largest class over smallest", value=ratio, bound=f"at most {max_ratio:g}"),
            Table(
                name=f"{noun} of a class",
                columns=("class", noun),
                rows=tuple(shown),
                total=len(ordered),
            ),
        ),
        impact="the small classes may never be predicted, and accuracy hides it",
        fixes=remedies(
            dataset,
            recipe,
            augmenter,
            chosen=remedy,
            max_ratio=max_ratio,
            fewest=FEWEST_TO_LEARN,
        ),
    )
