"""What a language model's batch trains on: documents of a row, runs of trained tokens, ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError
from tunewell.core.finding import Row, Tokens
from tunewell.subjects.batch import IGNORED, Batch, BatchRow, Collated, Vocabulary

Ints = NDArray[np.int64]

SHOWN_BEFORE, SHOWN_AFTER = 10, 5
"""Tokens shown before and after a place."""

EQUAL_SHARE = 0.9
"""Share of rows of one length from which on rows are pieces of a stream of text."""


FEWEST = 2
"""Texts from which on lengths can be equal."""


@dataclass(frozen=True, slots=True)
class Document:
    """One text of a row: its places `low` to `high` (not included), without padding."""

    row: BatchRow
    low: int
    high: int

    @property
    def ids(self) -> Ints:
        """Its tokens."""
        return self.row.ids[self.low : self.high]

    @property
    def targets(self) -> NDArray[np.bool_]:
        """Which of its tokens are trained. The first has nothing before it to be predicted from."""
        found: NDArray[np.bool_] = self.row.trained[self.low : self.high].copy()
        found[:1] = False
        return found

    @property
    def whole(self) -> bool:
        """Whether every token but the first is trained."""
        return bool(self.targets[1:].all()) and len(self.ids) > 1


def require_task(batch: Batch, *tasks: str) -> None:
    """Stop a check that has nothing to look at in batches of this kind.

    Raises:
        NotApplicableError: if the trainer learns from another kind of labels.
    """
    if batch.task not in tasks:
        reason = f"the model learns a {batch.task} task; this is about {' and '.join(tasks)}"
        raise NotApplicableError(reason)


def require_vocabulary(batch: Batch) -> Vocabulary:
    """The trainer's tokenizer.

    Raises:
        NotApplicableError: if it has none.
    """
    if batch.vocabulary is None:
        reason = "the trainer has no tokenizer (processing_class)"
        raise NotApplicableError(reason)
    return batch.vocabulary


def documents(row: BatchRow) -> list[Document]:
    """The texts of a row: one, or as many as were packed into it, told apart by their positions.

    What has a single token is padding of a packed row, and is left out.
    """
    at = np.flatnonzero(row.attended)
    if not len(at):
        return []
    low, high = int(at[0]), int(at[-1]) + 1
    starts = [low]
    if row.positions is not None:
        starts += [int(p) for p in np.flatnonzero(row.positions == 0) if low < p < high]
    ends = [*starts[1:], high]
    return [Document(row, a, b) for a, b in zip(starts, ends, strict=True) if b - a > 1]


def texts(sample: Collated) -> list[Document]:
    """The texts of all rows of a sample that have labels by token."""
    return [d for row in sample.rows if row.labels is not None for d in documents(row)]


def spans(document: Document) -> Iterator[tuple[int, int]]:
    """Runs of trained tokens that say something, as places in the row; blank ones are left out."""
    padded = np.concatenate(([False], document.targets, [False])).astype(np.int8)
    edges = np.diff(padded)
    for a, b in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        low, high = int(a) + document.low, int(b) + document.low
        if any(piece.strip() for piece in document.row.pieces[low:high]):
            yield low, high


def stream(found: list[Document], *, but: int | None = None) -> bool:
    """Whether the texts are equally long pieces of a stream, as for continued pretraining.

    Such pieces end wherever the length ends, and are trained in full, or in full but for a token.
    """
    if len(found) < FEWEST or not all(d.whole or _whole_but(d, but) for d in found):
        return False
    sizes = np.array([len(d.ids) for d in found])
    return bool((sizes == sizes.max()).mean() >= EQUAL_SHARE)


def _whole_but(document: Document, token: int | None) -> bool:
    missing = ~document.targets
    missing[:1] = False
    return token is not None and bool((document.ids[missing] == token).all())


def around(name: str, row: BatchRow, place: int) -> Tokens:
    """The tokens around a place, with what of them is trained."""
    low, high = max(0, place - SHOWN_BEFORE), min(len(row.ids), place + SHOWN_AFTER)
    return Tokens(
        name=name,
        pieces=row.pieces[low:high],
        trained=tuple(bool(known) for known in row.trained[low:high]),
    )


def beginning(name: str, row: BatchRow, length: int = SHOWN_BEFORE + SHOWN_AFTER) -> Tokens:
    """The first tokens of a row that reach the model."""
    at = np.flatnonzero(row.attended)
    low = int(at[0]) if len(at) else 0
    return around(name, row, min(len(row.ids), low + length - SHOWN_AFTER))


def at(sample: Collated, found: list[Document]) -> tuple[Row, ...]:
    """Where these texts stand in the trainer's data set, as far as that is known."""
    numbers = sorted({d.row.index for d in found if d.row.index is not None})
    return tuple(Row(split=sample.split, index=number) for number in numbers)


def labelled(document: Document) -> tuple[Ints, Ints]:
    """The input ids and the labels of the trained places of a text, the first place left out."""
    labels = document.row.labels
    if labels is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    mine = labels[document.low : document.high]
    known = mine != IGNORED
    known[:1] = False
    return document.ids[known], mine[known]


def same_share(found: list[Document]) -> float:
    """Share of the trained labels that are the input at their place, as a causal model needs."""
    pairs = [labelled(document) for document in found]
    total = sum(len(labels) for _, labels in pairs)
    return sum(int((ids == labels).sum()) for ids, labels in pairs) / total if total else 1.0


def require_own_labels(found: list[Document]) -> None:
    """Stop a check of what is trained where the labels are of another kind than next tokens.

    Raises:
        NotApplicableError: if fewer than half of the labels are the inputs at their places.
    """
    if same_share(found) < 0.5:  # noqa: PLR2004  half
        reason = "the labels are not the inputs: see labels-not-the-inputs"
        raise NotApplicableError(reason)
