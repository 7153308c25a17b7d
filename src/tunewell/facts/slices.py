"""Weak slices: rows with something in common on which the model errs more than elsewhere.

A slice is a predicate a person can read: a word in the text, the given label, both together, or a
plain property (short, long, digits, capitals, a class with few training rows). Predicates are
ranked on one half of the rows by how many standard errors their wrong answers exceed the overall
rate, and the best are confirmed on the other half, so that errors at random give no slice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from tunewell.facts.memo import fact
from tunewell.stats.multiple import holm
from tunewell.subjects.evaluation import Evaluation

WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")

MIN_ROWS = 5
"""Rows a predicate needs in the half that is searched."""

SHOWN_FIRST = 10
"""Rows of a slice that a person reads."""

RARE_SHARE = 1 / 3
"""A class with less than this share of the median class's training rows is called rare."""

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A predicate with its rows, those answered wrong first.

    `rate` is the share of wrong answers in it, `elsewhere` in all other rows. `p_value` comes from
    the confirming half after Holm's adjustment; NaN where nothing was confirmed.
    """

    description: str
    rows: Rows
    errors: int
    rate: float
    elsewhere: float
    z: float
    p_value: float = float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Predicates:
    """Which row fulfils which predicate: pairs (`row`, `number`), sorted by `number`.

    Predicate i holds the pairs from `starts[i]` to `starts[i + 1]`.
    """

    descriptions: Sequence[str]
    row: Rows
    number: Rows
    starts: Rows

    def rows_of(self, number: int) -> Rows:
        """Rows that fulfil a predicate."""
        return self.row[self.starts[number] : self.starts[number + 1]]


@fact
def predicates(evaluation: Evaluation) -> Predicates:
    """Every predicate with at least `MIN_ROWS` rows."""
    texts = evaluation.texts or ()
    words = [WORD.findall(text.lower()) for text in texts]
    vocabulary: dict[str, int] = {}
    word = np.array(
        [vocabulary.setdefault(w, len(vocabulary)) for row in words for w in row], dtype=np.int64
    )
    lengths = np.array([len(row) for row in words], dtype=np.int64)
    row = np.repeat(np.arange(len(words)), lengths)
    pairs = np.unique(row * max(len(vocabulary), 1) + word)
    row, word = pairs // max(len(vocabulary), 1), pairs % max(len(vocabulary), 1)
    names = list(evaluation.label_names)
    listed = list(vocabulary)
    groups = [
        _group(row, word, [f"contains {w!r}" for w in listed]),
        _group(np.arange(len(evaluation)), evaluation.given, [f"label {name!r}" for name in names]),
        _both(row, word, evaluation.given, listed, names),
        *_features(evaluation, lengths),
    ]
    return _joined(groups)


_Group = tuple[Rows, Rows, list[str]]


def _group(row: Rows, number: Rows, descriptions: list[str]) -> _Group:
    """Keep what has rows enough, numbered anew."""
    counts = np.bincount(number, minlength=len(descriptions))
    kept = np.flatnonzero(counts >= MIN_ROWS)
    renumbered = np.full(len(counts), -1, dtype=np.int64)
    renumbered[kept] = np.arange(len(kept))
    some = renumbered[number] >= 0
    return row[some], renumbered[number[some]], [descriptions[place] for place in kept.tolist()]


def _both(row: Rows, word: Rows, given: Rows, words: list[str], names: list[str]) -> _Group:
    """A word and a label together."""
    key = word * len(names) + given[row]
    found, number = np.unique(key, return_inverse=True)
    counts = np.bincount(number, minlength=len(found))
    frequent = counts[number] >= MIN_ROWS
    kept, renumbered = np.unique(number[frequent], return_inverse=True)
    descriptions = [
        f"contains {words[pair // len(names)]!r} and label {names[pair % len(names)]!r}"
        for pair in found[kept].tolist()
    ]
    return row[frequent], renumbered.astype(np.int64), descriptions


def _features(evaluation: Evaluation, lengths: Rows) -> list[_Group]:
    masks: list[tuple[str, Mask]] = []
    texts = evaluation.texts
    if texts is not None and len(texts):
        short, long = np.quantile(lengths, [0.1, 0.9])
        masks += [
            (f"at most {short:.0f} words", lengths <= short),
            (f"at least {long:.0f} words", lengths >= long),
            ("contains a digit", np.array([any(c.isdigit() for c in text) for text in texts])),
            ("written in capitals", np.array([text.isupper() for text in texts])),
        ]
    if evaluation.train_counts is not None:
        trained = evaluation.train_counts
        bound = RARE_SHARE * float(np.median(trained))
        description = f"label with fewer than {bound:.0f} training rows"
        masks.append((description, (trained < bound)[evaluation.given]))
    groups: list[_Group] = []
    for description, mask in masks:
        rows = np.flatnonzero(mask)
        # A property that most rows have marks out nothing.
        if MIN_ROWS <= len(rows) <= len(evaluation) / 2:
            groups.append((rows, np.zeros(len(rows), dtype=np.int64), [description]))
    return groups


def _joined(groups: Sequence[_Group]) -> Predicates:
    descriptions: list[str] = []
    rows: list[Rows] = []
    numbers: list[Rows] = []
    for row, number, described in groups:
        rows.append(row)
        numbers.append(number + len(descriptions))
        descriptions += described
    row, number = np.concatenate(rows), np.concatenate(numbers)
    order = np.argsort(number, kind="stable")
    row, number = row[order], number[order]
    starts = np.searchsorted(number, np.arange(len(descriptions) + 1))
    return Predicates(descriptions, row, number, starts)


def rank_slices(
    evaluation: Evaluation, *, limit: int, among: Mask | None = None
) -> tuple[Slice, ...]:
    """The predicates with the most excess errors, by z, each telling of other errors.

    Args:
        evaluation: predictions with texts.
        limit: slices at most.
        among: rows to judge by, all where None; `Slice.rows` still holds every row.
    """
    found = predicates(evaluation)
    among = np.ones(len(evaluation), dtype=bool) if among is None else among
    wrong = ~evaluation.correct
    rate = float(wrong[among].mean()) if among.any() else 0.0
    if rate in (0.0, 1.0) or not len(found.descriptions):
        return ()
    judged = among[found.row]
    number = found.number[judged]
    size = np.bincount(number, minlength=len(found.descriptions))
    errors = np.bincount(number, weights=wrong[found.row[judged]], minlength=len(size))
    z = np.zeros(len(size))
    enough = size >= MIN_ROWS / 2
    z[enough] = (errors - size * rate)[enough] / np.sqrt(size[enough] * rate * (1 - rate))
    told = np.zeros(len(evaluation), dtype=bool)
    chosen: list[Slice] = []
    for place in np.argsort(-z, kind="stable").tolist():
        if len(chosen) == limit or z[place] <= 0:
            break
        rows = found.rows_of(place)
        failed = rows[wrong[rows] & among[rows]]
        if told[failed].mean() > 0.5:  # noqa: PLR2004  most of its errors are told already
            continue
        told[failed] = True
        chosen.append(_slice(evaluation, found.descriptions[place], rows, float(z[place])))
    return tuple(chosen)


def _slice(evaluation: Evaluation, description: str, rows: Rows, z: float) -> Slice:
    wrong = ~evaluation.correct
    errors = int(wrong[rows].sum())
    others = len(evaluation) - len(rows)
    return Slice(
        description=description,
        rows=rows[np.argsort(evaluation.correct[rows], kind="stable")],
        errors=errors,
        rate=errors / len(rows),
        elsewhere=(int(wrong.sum()) - errors) / others if others else 0.0,
        z=z,
    )


@fact
def weak_slices(
    evaluation: Evaluation, *, alpha: float = 0.05, candidates: int = 10, seed: int = 0
) -> tuple[Slice, ...]:
    """Slices found on one half of the rows and confirmed on the other, the surest first.

    Args:
        evaluation: predictions, with texts where words shall be looked at.
        alpha: chance that any of them is false where errors fall at random.
        candidates: how many of the searched half are put to the test.
        seed: of the halving.
    """
    half = np.zeros(len(evaluation), dtype=bool)
    half[np.random.default_rng(seed).permutation(len(evaluation))[: len(evaluation) // 2]] = True
    found = rank_slices(evaluation, limit=candidates, among=half)
    if not found:
        return ()
    wrong = ~evaluation.correct
    rate = float(wrong[~half].mean())
    p_values = np.ones(len(found))
    for place, one in enumerate(found):
        rows = one.rows[~half[one.rows]]
        errors = int(wrong[rows].sum())
        if errors and rate < 1:
            p_values[place] = bdtrc(errors - 1, len(rows), rate)
    adjusted = holm(p_values)
    return tuple(
        Slice(one.description, one.rows, one.errors, one.rate, one.elsewhere, one.z, float(p_value))
        for one, p_value in sorted(
            zip(found, adjusted.tolist(), strict=True), key=lambda pair: pair[1]
        )
        if p_value <= alpha
    )
