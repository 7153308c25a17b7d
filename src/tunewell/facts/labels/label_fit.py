"""How well labels fit texts, judged by a cheap model that never saw the text it judges.

The model is naive Bayes on runs of characters, in any script: for a text and a class the mean of
log(p(run | class) / p(run)) over the runs of the text. It is fitted in folds, and texts with the
same runs are in the same fold, so a repeated text does not vouch for its own label.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.labels.classes import label_sets
from tunewell.facts.memo import fact
from tunewell.facts.parts import questions
from tunewell.subjects.dataset import Split

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RUN = 4
"""Characters in a run."""

FOLDS = 3
MOST_RUNS = 20_000_000
"""Runs looked at in all, about 2 s. Of a larger set the beginnings of its texts are looked at."""

FEWEST_CHARACTERS = 40
MOST_CHARACTERS = 600
MOST_ROWS = MOST_RUNS // FEWEST_CHARACTERS
BLOCK = 1000
"""Rows that follow each other and are looked at together, where not all can be."""

MOST_CELLS = 2**22
"""Classes times buckets of runs: what one fold's table takes, 34 MB."""

MOST_CLASSES = 2000
"""Classes that are looked at: of more, the most frequent ones."""

SMOOTHING = 0.1
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class TextModel:
    """The runs of the texts that are looked at, ready to be fitted to any labels.

    `rows` (m,) are rows of the split in order; `block` (m,) numbers stretches of rows that follow
    each other. `labels` (m,) is the number of each row's label in `names`, -1 where it has none; of
    several labels the rarest one counts. `owner` and `run` are the pairs (position in `rows`,
    bucket of a run), each pair once; `fold` (m,) is the fold of each text.
    """

    rows: Ints
    block: Ints
    labels: Ints
    names: tuple[str, ...]
    owner: Ints
    run: Ints
    fold: Ints
    buckets: int

    @cached_property
    def length(self) -> Ints:
        """Number of different runs of each text."""
        return np.bincount(self.owner, minlength=len(self.rows))

    def thinned(self, most: int) -> TextModel:
        """The same for at most about `most` rows, in blocks that are spread over all of them."""
        count = len(self.rows)
        if count <= most:
            return self
        starts = np.linspace(0, count - BLOCK, most // BLOCK).astype(np.int64)
        keep = np.zeros(count, dtype=bool)
        keep[np.unique(starts[:, None] + np.arange(BLOCK))] = True
        at = np.flatnonzero(keep)
        joins = np.concatenate(([0], (np.diff(at) != 1) | (np.diff(self.block[at]) != 0)))
        kept = keep[self.owner]
        place = np.cumsum(keep) - 1
        return dataclasses.replace(
            self,
            rows=self.rows[at],
            block=np.cumsum(joins),
            labels=self.labels[at],
            owner=place[self.owner[kept]],
            run=self.run[kept],
            fold=self.fold[at],
        )

    def scores(
        self, taught: Ints, asked: Sequence[Ints], wanted: NDArray[np.bool_]
    ) -> list[Floats]:
        """How well labels fit the texts when the model learns `taught` from the other folds.

        `taught` and each of `asked` are label numbers, (m,), -1 for none. A score is nan where it
        is not `wanted`, (m,), where the label is missing or the text has no runs; 0 is no evidence
        either way.
        """
        totals = np.zeros((len(asked), len(self.rows)))
        for fold, weight in self._fitted(taught):
            inside = ((self.fold == fold) & wanted)[self.owner]
            owner, run = self.owner[inside], self.run[inside]
            for at, labels in enumerate(asked):
                values = weight[np.maximum(labels[owner], 0), run]
                totals[at] += np.bincount(owner, values, minlength=len(self.rows))
        totals /= np.maximum(self.length, 1)
        for at, labels in enumerate(asked):
            totals[at, ~wanted | (labels < 0) | (self.length == 0)] = np.nan
        return list(totals)

    def best(self, taught: Ints, at: Ints) -> Ints:
        """The class that fits best, for the texts at these positions of `rows`.

        Classes that the other folds do not have are never the best.
        """
        found = np.full(len(at), -1, dtype=np.int64)
        place = {int(position): number for number, position in enumerate(at)}
        wanted = np.isin(self.owner, at)
        for fold, weight in self._fitted(taught):
            inside = wanted & (self.fold[self.owner] == fold)
            known = np.bincount(
                taught[(self.fold != fold) & (taught >= 0)], minlength=len(self.names)
            )
            for position in np.unique(self.owner[inside]).tolist():
                runs = self.run[inside & (self.owner == position)]
                total = np.where(known > 0, weight[:, runs].sum(axis=1), -np.inf)
                found[place[position]] = int(total.argmax())
        return found

    def _fitted(self, taught: Ints) -> Iterator[tuple[int, NDArray[np.float32]]]:
        return ((fold, self._weights(taught, fold)) for fold in range(FOLDS))

    def _weights(self, taught: Ints, fold: int) -> NDArray[np.float32]:
        """log(p(run | class) / p(run)) from all folds but one, shape (classes, buckets)."""
        label = taught[self.owner]
        use = (self.fold[self.owner] != fold) & (label >= 0)
        cells = label[use] * self.buckets + self.run[use]
        shape = (len(self.names), self.buckets)
        counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        table = counts.astype(np.float32)
        whole = table.sum(axis=0) + SMOOTHING
        share = whole / whole.sum()
        # A class of few rows leans on all texts, so that its rarity is no evidence.
        strength = np.float32(SMOOTHING * self.buckets)
        table += strength * share
        table /= table.sum(axis=1, keepdims=True)
        weight: NDArray[np.float32] = np.log(table / share)
        return weight


@fact
def text_model(split: Split) -> TextModel:
    """The texts of a split with their labels, ready for fitting."""
    rows, block = _looked_at(len(split))
    labels, names = _numbered(split, rows)
    buckets = 1 << min(17, max(10, int(np.log2(MOST_CELLS / max(1, len(names))))))
    most = min(MOST_CHARACTERS, max(FEWEST_CHARACTERS, MOST_RUNS // max(1, len(rows))))
    texts = questions(split)
    wanted = iter(texts) if len(rows) == len(split) else (texts[row] for row in rows.tolist())
    owner, run = _runs([text[:most] for text in wanted], buckets)
    # Texts of the same runs get the same sum, so the same fold.
    mixed = np.bincount(owner, ((run + 1) * 7919) % 10007, minlength=len(rows)).astype(np.int64)
    return TextModel(rows, block, labels, names, owner, run, mixed % FOLDS, buckets)


def _looked_at(count: int) -> tuple[Ints, Ints]:
    if count <= MOST_ROWS:
        return np.arange(count), np.zeros(count, dtype=np.int64)
    blocks = MOST_ROWS // BLOCK
    starts = np.linspace(0, count - BLOCK, blocks).astype(np.int64)
    rows = np.unique(starts[:, None] + np.arange(BLOCK))
    return rows, np.cumsum(np.concatenate(([0], (np.diff(rows) != 1).astype(np.int64))))


def _numbered(split: Split, rows: Ints) -> tuple[Ints, tuple[str, ...]]:
    sets = label_sets(split)
    frequency = Counter(label for row in rows.tolist() for label in sets[row])
    order = sorted(frequency, key=lambda name: (-frequency[name], name))[:MOST_CLASSES]
    names = tuple(sorted(order))
    rank = {name: at for at, name in enumerate(order)}
    chosen = [
        max((label for label in sets[row] if label in rank), key=rank.__getitem__, default=None)
        for row in rows.tolist()
    ]
    number = {name: at for at, name in enumerate(names)}
    labels = [-1 if label is None else number[label] for label in chosen]
    return np.array(labels, dtype=np.int64), names


def _runs(texts: Sequence[str], buckets: int) -> tuple[Ints, Ints]:
    """The runs of each text, as sorted pairs (text, bucket), each once."""
    padded = [f" {' '.join(text.casefold().split())} " for text in texts]
    lengths = np.array([len(text) for text in padded], dtype=np.int64)
    joined = "".join(padded)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(texts)), lengths)
    count = max(0, len(codes) - RUN + 1)
    mixed = np.zeros(count, dtype=np.uint64)
    for offset in range(RUN):
        mixed = (mixed + codes[offset : offset + count].astype(np.uint64)) * MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    inside = owner[:count] == owner[len(codes) - count :]
    bucket = (mixed[inside] >> np.uint64(40)).astype(np.int64) & (buckets - 1)
    pairs = np.sort(owner[:count][inside] * buckets + bucket)
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs
    return pairs // buckets, pairs % buckets
