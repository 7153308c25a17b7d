"""Remedies for classes of unequal size: in the loss, or among the training rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import ceil
from typing import Literal, TypeAlias

import numpy as np

from tunewell.core.finding import AddRows, DropRows, Edit, Fix, Safety
from tunewell.core.words import counted
from tunewell.facts.labels.augment import augmented
from tunewell.facts.recipe import change
from tunewell.subjects.augmenter import Augmenter
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.recipe import Recipe

Remedy: TypeAlias = Literal["weights", "focal", "repeat", "augment", "thin"]

FOCAL_GAMMA = 2.0
"""The value that worked best for its authors (Lin et al. 2017)."""

TITLES = {
    "weights": "weigh the classes in the loss",
    "focal": "let rows that are right already count less in the loss (focal)",
    "repeat": "repeat rows of the small classes",
    "augment": "add changed copies of rows of the small classes",
    "thin": "leave out rows of the large classes",
}


def remedies(
    dataset: Dataset,
    recipe: Recipe | None,
    augmenter: Augmenter | None,
    *,
    chosen: Remedy,
    max_ratio: float,
    fewest: int,
) -> tuple[Fix, ...]:
    """The chosen remedy with its edits, then one line that names the others."""
    edits: tuple[Edit, ...] = ()
    title = TITLES[chosen]
    if chosen in {"weights", "focal"}:
        if recipe is not None and dataset.kind is Kind.CLASSIFICATION:
            setting, value = (
                ("class_weights", "balanced")
                if chosen == "weights"
                else ("focal_gamma", FOCAL_GAMMA)
            )
            edits = (change(recipe, setting, value),)
    elif dataset.kind is Kind.CLASSIFICATION:
        edit = _rows(dataset.train, augmenter, chosen, max_ratio, fewest)
        rows = edit.rows if isinstance(edit, DropRows) else edit.of
        title += f": {counted(len(rows), 'row')}"
        edits = (edit,)
    others = ", ".join(name for name in TITLES if name != chosen)
    return (
        Fix(title=title, safety=Safety.UNSAFE if edits else Safety.MANUAL, edits=edits),
        Fix(title=f"or choose another with the option remedy: {others}", safety=Safety.MANUAL),
    )


def _rows(
    split: Split, augmenter: Augmenter | None, chosen: Remedy, max_ratio: float, fewest: int
) -> AddRows | DropRows:
    if chosen == "thin":
        return thinned(split, max_ratio, fewest=fewest)
    wanted = missing_rows(split, max_ratio, fewest=fewest)
    if chosen == "repeat":
        return repeated(split, wanted)
    return augmented(split, wanted, generate=None if augmenter is None else augmenter.generate)


def missing_rows(split: Split, max_ratio: float, *, fewest: int = 1) -> dict[str, int]:
    """By class, the rows it lacks until the largest has at most `max_ratio` times as many.

    Classes of fewer than `fewest` rows are left out: copies of so few teach only those few.
    """
    counts = Counter(label for label in split.labels if label is not None)
    target = ceil(max(counts.values(), default=0) / max_ratio)
    return {
        label: target - rows for label, rows in sorted(counts.items()) if fewest <= rows < target
    }


def repeated(split: Split, wanted: dict[str, int], *, seed: int = 0) -> AddRows:
    """Repeat rows of small classes: each row as often as the others of its class, or once more."""
    rng = np.random.default_rng(seed)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, label in enumerate(split.labels):
        if label in wanted:
            rows[str(label)].append(row)
    of: list[int] = []
    for label, count in sorted(wanted.items()):
        own = rows[label]
        whole, rest = divmod(count, len(own))
        of += own * whole
        of += sorted(rng.choice(own, rest, replace=False).tolist())
    return AddRows(split=split.name, of=tuple(of))


def thinned(split: Split, max_ratio: float, *, fewest: int = 1, seed: int = 0) -> DropRows:
    """Leave out rows of large classes, drawn at random, down to `max_ratio` times the smallest.

    The smallest is that among the classes of at least `fewest` rows.
    """
    rng = np.random.default_rng(seed)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for row, label in enumerate(split.labels):
        if label is not None:
            rows[label].append(row)
    sizes = [len(own) for own in rows.values() if len(own) >= fewest]
    most = int(max_ratio * min(sizes, default=0))
    gone: list[int] = []
    for label in sorted(rows):
        if len(rows[label]) > most:
            gone += rng.choice(rows[label], len(rows[label]) - most, replace=False).tolist()
    return DropRows(split=split.name, rows=tuple(sorted(gone)))
