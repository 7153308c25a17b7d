"""What the collator really gave the model: tokens, what of them is trained, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

IGNORED = -100
"""The label that PyTorch's cross-entropy leaves out."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the tokenizer knows of its own special tokens, by id.

    `size` counts every token, added ones included. `terminators` are the ids with which an answer
    may end: the tokenizer's end token and, where the chat template ends an assistant's turn with a
    special token, that one. `generation_ends` are the ids at which `generate` stops (generation
    configuration of the model). `adds_bos` tells whether plain tokenizing puts a BOS in front.
    `special` holds every token that the tokenizer calls special, added ones included.
    """

    name: str
    size: int
    bos: int | None = None
    eos: int | None = None
    pad: int | None = None
    unknown: int | None = None
    mask: int | None = None
    special: frozenset[int] = frozenset()
    terminators: frozenset[int] = frozenset()
    generation_ends: frozenset[int] = frozenset()
    adds_bos: bool = False
    padding_side: str = "right"
    template: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BatchRow:
    """One sequence of a collated batch, padding included.

    `index` is the row of the trainer's data set, counted from 0, or None where several rows were
    packed into the sequence. `role` is "row", or "chosen" or "rejected" of preference data. `ids`,
    `attended` (attention mask), `labels` (-100: not trained) and `positions` are int64 or bool of
    shape (length,); labels of a sequence-to-sequence model have their own length. `labels` is None
    where the row has one label, which is `label`, or none at all. `pieces` are the tokens decoded
    one by one. `source` is the row before the collator.
    """

    index: int | None
    role: str
    ids: NDArray[np.int64]
    attended: NDArray[np.bool_]
    pieces: tuple[str, ...]
    labels: NDArray[np.int64] | None = None
    positions: NDArray[np.int64] | None = None
    label: object = None
    source: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trained(self) -> NDArray[np.bool_]:
        """Which tokens the loss counts; all False where there are no labels by token."""
        if self.labels is None:
            return np.zeros(len(self.ids), dtype=np.bool_)
        known: NDArray[np.bool_] = self.labels != IGNORED
        return known


@dataclass(frozen=True, slots=True, eq=False)
class Collated:
    """A sample of a split after the real collator.

    `rows` are at most a few dozen: the longest, the shortest and some at random; `lengths` are the
    token counts of all rows that were looked at, before the collator. `keys` maps each tensor of
    the batch to its shape. `batch_size` rows were collated at a time. `trained` counts the tokens
    that the loss counts of every row of the split, in its order, where the rows bring their labels
    and the collator keeps them; else it is None. `error` is what the collator raised; `rows` then
    holds those that it took alone. `error_rows` are the rows that it failed on.
    """

    split: str
    rows: tuple[BatchRow, ...]
    total: int | None
    batch_size: int
    keys: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    lengths: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    trained: NDArray[np.int64] | None = None
    error: str | None = None
    error_rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Batch:
    """The batches of the training and, where there is one, of the evaluation split.

    `task` is "causal" (next token), "masked" (filled gaps), "seq2seq", "token" (a label a token),
    "sequence" (a label a row), "preference", "unpaired", "prompt" (reinforcement learning),
    "embedding" or "other". `shifts` tells whether the model shifts the labels itself.
    """

    task: str
    train: Collated
    vocabulary: Vocabulary | None
    evaluation: Collated | None = None
    collator: str = ""
    shifts: bool = True

    @property
    def samples(self) -> tuple[Collated, ...]:
        """The splits that were collated."""
        return tuple(s for s in (self.train, self.evaluation) if s is not None)
