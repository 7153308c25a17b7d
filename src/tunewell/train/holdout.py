"""Hold rows out of training to judge the model by."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from tunewell.core.errors import InputError
from tunewell.subjects.dataset import Dataset, Split


def fold(text: str) -> str:
    """The text without what a reader would not call a difference: case, width, white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def hold_out(dataset: Dataset, share: float = 0.15, seed: int = 0) -> Dataset:
    """The data set with about `share` of each class's training rows as its evaluation split.

    Rows with the same folded text stay on one side. A class with one distinct text stays in
    training. Unlabelled rows stay in training. The same data and seed give the same rows.

    Raises:
        InputError: if no class has two distinct texts.
    """
    split = dataset.train
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(split.texts):
        groups[fold(text)].append(row)
    by_label: dict[str, list[list[int]]] = defaultdict(list)
    for rows in groups.values():
        labels = [split.labels[row] for row in rows]
        if labels[0] is not None and None not in labels:
            by_label[labels[0]].append(rows)
    generator = np.random.default_rng(seed)
    held: list[int] = []
    for label in sorted(by_label):
        candidates = by_label[label]
        wanted = max(1, round(share * sum(map(len, candidates))))
        taken = 0
        # One distinct text of each class stays in training, whatever the share.
        for place in generator.permutation(len(candidates))[: len(candidates) - 1].tolist():
            if taken >= wanted:
                break
            held += candidates[place]
            taken += len(candidates[place])
    if not held:
        message = (
            f"{split.source.path}: no rows can be held out for evaluation, because no class has "
            "two distinct texts; pass evaluation data"
        )
        raise InputError(message)
    out = set(held)
    kept = [row for row in range(len(split)) if row not in out]
    return dataclasses.replace(
        dataset,
        train=_part(split, kept, split.name),
        evaluation=_part(split, sorted(held), "eval"),
    )


def _part(split: Split, rows: Sequence[int], name: str) -> Split:
    broken = split.broken if name == split.name else ()
    return dataclasses.replace(split.take(rows), name=name, broken=broken)
