"""Labels of tokens beside the words that the tokens are pieces of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TaggedRow:
    """One row: its words, and for each token its piece, its word (None: special) and its label."""

    index: int
    words: tuple[str, ...]
    pieces: tuple[str, ...]
    word_of: tuple[int | None, ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class TaggedWords:
    """Sampled training rows of a tagger. `names` are the classes by id, None where unnamed."""

    rows: tuple[TaggedRow, ...]
    names: tuple[str, ...] | None = None
