"""Labels of a data set beside the classes that a model's head already has."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tunewell.facts.labels.spellings import folded_label

NAMELESS = re.compile(r"LABEL_\d+")
"""What transformers calls the classes of a head that nobody named."""

WHOLE = re.compile(r"-?\d+")


def outside_head(labels: Sequence[str], head: Sequence[str]) -> list[str]:
    """The labels that a head has no output for, in their order.

    Names count without case and separators of words. Numbers count as ids; a head without names
    takes any names as long as there are outputs enough.
    """
    numbers = {str(at) for at in range(len(head))}
    if all(WHOLE.fullmatch(label) for label in labels):
        return [label for label in labels if label not in numbers and label not in head]
    known = {folded_label(name) for name in head}
    outside = [label for label in labels if folded_label(label) not in known]
    if all(NAMELESS.fullmatch(name) for name in head):
        return outside[len(head) :]
    return [label for label in outside if label not in numbers]


def counted_from_one(labels: Sequence[str], head: Sequence[str]) -> bool:
    """Whether the labels are the numbers from 1 to the number of classes: ids begin at 0."""
    return set(labels) == {str(at) for at in range(1, len(head) + 1)}
