"""The user's own way to say a row in other words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Augmenter:
    """`generate` takes a text and its label and yields texts that have the same label.

    `name` is what the report calls it. What it yields is trusted to keep the label; texts that are
    there already are passed over.
    """

    name: str
    generate: Callable[[str, str], Iterable[str]]
