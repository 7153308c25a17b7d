"""The labels of a split's rows, one or several each, and how many rows each class has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tunewell.facts.memo import fact
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

LABELLED = frozenset({Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.TAGGING})
"""Kinds whose rows have classes."""

FEWEST_TO_LEARN = 8
"""Training rows of a class below which it is rare. With eight a class, contrastive fine-tuning of a
good encoder comes near to full training (Tunstall et al. 2022, SetFit); fewer are not reported."""


@fact
def label_sets(split: Split) -> Sequence[tuple[str, ...]]:
    """The labels of each row; () where it has none. Tags stand as often as tokens have them."""
    if split.label_sets is not None and split.kind in LABELLED:
        return split.label_sets
    return [() if label is None else (label,) for label in split.labels]


@fact
def class_counts(split: Split) -> Mapping[str, int]:
    """How many rows have each label, the most frequent first; of tags, how many tokens."""
    counts = Counter(label for labels in label_sets(split) for label in labels)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def has_labels(dataset: Dataset) -> bool:
    """Whether the training rows come with labels."""
    source = dataset.train.source
    return source.label_column is not None or bool(source.layout.flags)


def unit(kind: Kind, number: int) -> str:
    """What is counted of a class: rows, or tokens where labels are tags."""
    noun = "token" if kind is Kind.TAGGING else "row"
    return noun if number == 1 else noun + "s"
