"""DAT070: classes with too few rows to be learned or judged."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.labels.classes import FEWEST_TO_LEARN, LABELLED, class_counts, unit
from tunewell.facts.labels.spellings import merged_counts
from tunewell.facts.parts import require_kind
from tunewell.subjects.dataset import Dataset

NAMES_SHOWN = 5
SHOWN = 20


@check(
    "DAT070",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D30",),
)
def rare_classes(
    dataset: Dataset, *, min_train: int = FEWEST_TO_LEARN, min_judge: int = 5
) -> Iterator[Finding]:
    """Classes with too few rows to be learned, or to be judged by.

    ## What it finds
    Labels with only a handful of training rows, and labels with so few evaluation or test rows that
    their score says nothing.

    ## Why it matters
    A class of three rows is learned by heart or not at all, and weights in the loss do not help it.
    And where a class is judged by four rows, one of them moves its recall by 25 points.

    ## How it is measured
    By the rows of each class (tokens, where labels are tags), all its spellings together. Fewer
    than `min_train` training rows, 8 by default: with eight a class, contrastive fine-tuning comes
    near to full training, and below it nobody reports results. Fewer than `min_judge` rows of a
    split that judges the model, 5 by default: one row then moves recall by more than 20 points; by
    itself this is only worth knowing. Classes that this check names are left out of
    `class-imbalance`.

    BANKING77 (35 rows and more), CLINC150 (25 and more), SMS Spam and GoEmotions (77 and more in
    training, 6 and more to judge by) have no such class.

    ## Example
    `chargeback` with 2 training rows among 40 classes with 100 each.

    ## Fix
    Collect rows, merge the class into a wider one, or leave it out on purpose.

    ## When it is wrong
    When the class is answered by examples in the prompt, or the model knows it already.

    ## Sources
    Fault D30 of the catalogue; Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts".
    """
    require_kind(dataset, LABELLED)
    train = merged_counts(dataset.train)
    learn = {name: rows for name, rows in train.items() if rows < min_train}
    judge = [
        (split.name, name, class_counts(split)[name])
        for split in dataset.splits[1:]
        for name in class_counts(split)
        if name in train and class_counts(split)[name] < min_judge
    ]
    if not learn and not judge:
        return
    names = sorted(learn) or sorted({name for _, name, _ in judge})
    listed = ", ".join(map(repr, names[:NAMES_SHOWN]))
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    nouns = unit(dataset.kind, 2)
    what = f"training {nouns}" if learn else f"{nouns} to judge by"
    table = [("train", name, rows) for name, rows in learn.items()] + judge
    least = min_train if learn else min_judge
    yield Finding(
        message=(
            f"{len(names):,} of {counted(len(train), 'class has', 'classes have')} fewer than "
            f"{least:,} {what}: {listed}{more}"
        ),
        where=(Classes(names=tuple(names)),),
        evidence=(
            Number(
                name=f"fewest {what} of a class",
                value=min(learn.values()) if learn else min(rows for _, _, rows in judge),
                unit=nouns,
                bound=f"at least {least:,}",
            ),
            Table(
                name=f"{nouns} of the rare classes",
                columns=("split", "class", nouns),
                rows=tuple(sorted(table, key=lambda row: (row[2], row[0], row[1]))[:SHOWN]),
                total=len(table),
            ),
        ),
        impact="these classes are learned by heart or not at all" if learn else "one row decides",
        fixes=(
            Fix(
                title="collect rows for these classes, or merge each into a wider one",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.WARNING if learn else Severity.INFO,
    )
