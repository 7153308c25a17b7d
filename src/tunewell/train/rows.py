"""Encoded rows, the order they are learned in, and the batches they make."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

GROUP = 16
"""Rows of about the same length that stay together; the usual batch size of a classifier."""

POOL = 8
"""Groups that are sorted by length among themselves: enough to save the padding, few enough that
short and long rows stay mixed over the epoch."""


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """Token ids and label ids, encoded once."""

    def __init__(self, tokens: Sequence[Sequence[int]], labels: Sequence[int] | None) -> None:
        self.tokens = tokens
        self.labels = labels

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.tokens)

    def __getitem__(self, row: int) -> dict[str, Any]:
        """One row as the collator takes it."""
        encoded: dict[str, Any] = {"input_ids": self.tokens[row]}
        if self.labels is not None:
            encoded["labels"] = self.labels[row]
        return encoded


class Pad:
    """Collate rows into tensors as long as the longest of them."""

    def __init__(self, pad_id: int, *, left: bool = False) -> None:
        self.pad_id = pad_id
        self.left = left

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Tensors `input_ids` and `attention_mask` (b, l) and, where labelled, `labels` (b,)."""
        width = max(len(row["input_ids"]) for row in rows)
        ids = np.full((len(rows), width), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for place, row in enumerate(rows):
            length = len(row["input_ids"])
            where = slice(width - length, width) if self.left else slice(0, length)
            ids[place, where] = row["input_ids"]
            mask[place, where] = 1
        batch = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if "labels" in rows[0]:
            batch["labels"] = torch.tensor([row["labels"] for row in rows])
        return batch


class SeededOrder(torch.utils.data.Sampler[int]):
    """The order of rows in each epoch, from the seed and the texts alone.

    Each row draws its rank from its own text, so two runs with the same seed see the same order
    whatever their other settings, and rows keep their relative order when others are dropped.
    """

    def __init__(self, texts: Sequence[str], seed: int) -> None:
        self.seed = seed
        self.epoch = 0
        self.lengths = np.array([len(text) for text in texts])
        seen: Counter[str] = Counter()
        keys: list[int] = []
        for text in texts:
            row = f"{seen[text]}\0{text}".encode(errors="replace")
            digest = hashlib.blake2b(row, digest_size=8)
            keys.append(int.from_bytes(digest.digest(), "little"))
            seen[text] += 1
        self.keys = np.array(keys, dtype=np.uint64)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.keys)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        """Row numbers of one epoch."""
        return iter(self.order(self.epoch).tolist())

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Row numbers of an epoch, shape (n,)."""
        ranks = _mixed(self.keys ^ _mixed(np.array([self.seed * 1_000_003 + epoch], np.uint64)))
        order = np.argsort(ranks, kind="stable")
        groups: list[NDArray[np.int64]] = []
        for start in range(0, len(order), GROUP * POOL):
            pool = order[start : start + GROUP * POOL]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            groups += [pool[at : at + GROUP] for at in range(0, len(pool), GROUP)]
        # A short group can only be the last one made; it stays last, so that batches of 16 are
        # the groups.
        full = [group for group in groups if len(group) == GROUP]
        rest = [group for group in groups if len(group) < GROUP]
        shuffled = np.random.default_rng((self.seed, epoch)).permutation(len(full)).tolist()
        return np.concatenate([full[place] for place in shuffled] + rest)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: neighbouring numbers become unrelated ones."""
    with np.errstate(over="ignore"):
        values = values + np.uint64(0x9E3779B97F4A7C15)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
