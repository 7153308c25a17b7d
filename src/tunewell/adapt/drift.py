"""Measure whether new data has moved away from the current data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewell.core.errors import InputError
from tunewell.facts.sampling.text_features import ngram_features
from tunewell.stats.multiple import holm
from tunewell.stats.two_sample import TwoSample, mmd_test, shares_test, witness
from tunewell.subjects.data_shift import DataShift, LabelShare, MovedRow
from tunewell.subjects.dataset import Split

MOST_ROWS = 1000
"""Rows of a side that are compared; more add seconds and no power that anyone needs."""

FEWEST_ROWS = 10
"""Fewer rows than this cannot show a shift of any size at the level of the checks."""

PERMUTATIONS = 999
LABEL_PERMUTATIONS = 9999
MOVED_SHOWN = 10


def measure_shift(
    current: Split, new: Split, *, model: Path | None = None, seed: int = 0
) -> DataShift:
    """Compare the texts and the label shares of two splits.

    Args:
        current: rows that the current model was trained on.
        new: rows that came since.
        model: a model folder whose embeddings the texts are compared by; without one, weighted
            character n-grams are.
        seed: of the random parts.

    Raises:
        InputError: if a side has fewer than 10 rows.
    """
    for split in (current, new):
        if len(split) < FEWEST_ROWS:
            message = (
                f"{split.source.path}: has {len(split)} rows; whether data has moved cannot be "
                f"told from fewer than {FEWEST_ROWS}"
            )
            raise InputError(message)
    rng = np.random.default_rng(seed)
    old_rows, new_rows = _sample(len(current), rng), _sample(len(new), rng)
    texts = [current.texts[row] for row in old_rows] + [new.texts[row] for row in new_rows]
    features = embeddings(model, texts) if model is not None else ngram_features(texts, seed=seed)
    old, fresh = features[: len(old_rows)], features[len(old_rows) :]
    by_text = mmd_test(old, fresh, permutations=PERMUTATIONS, most_rows=MOST_ROWS, seed=seed)
    labels = _label_shares(current, new)
    by_label = _label_test(current, new, seed)
    p_values = [by_text.p_value] + ([by_label.p_value] if by_label else [])
    adjusted = holm(p_values)
    order = np.argsort(-witness(old, fresh, seed=seed), kind="stable")[:MOVED_SHOWN]
    moved = [new_rows[place] for place in order.tolist()]
    return DataShift(
        current_rows=len(current),
        new_rows=len(new),
        tested_rows=by_text.rows,
        text_p=float(adjusted[0]),
        text_effect=by_text.effect,
        label_p=float(adjusted[1]) if by_label else None,
        label_effect=by_label.effect if by_label else 0.0,
        moved=tuple(MovedRow(r, new.lines[r], new.texts[r], new.labels[r]) for r in moved),
        labels=labels,
        features=(
            f"embeddings of {model.name}" if model is not None else "weighted character n-grams"
        ),
        new_file=str(new.source.path),
    )


def embeddings(model: Path, texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit embeddings of the texts by a model folder, shape (n, d)."""
    from tunewell.train.inference import embed  # noqa: PLC0415  imports torch

    found = embed(model, texts)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.where(length > 0, length, 1.0), dtype=np.float32)


def _sample(rows: int, rng: np.random.Generator) -> list[int]:
    if rows <= MOST_ROWS:
        return list(range(rows))
    return [int(row) for row in np.sort(rng.choice(rows, MOST_ROWS, replace=False))]


def _label_shares(current: Split, new: Split) -> tuple[LabelShare, ...]:
    old, fresh = Counter(current.labels), Counter(new.labels)
    names = sorted({name for name in (*old, *fresh) if name is not None})
    return tuple(LabelShare(name, old[name], fresh[name]) for name in names)


def _label_test(current: Split, new: Split, seed: int) -> TwoSample | None:
    """Shares of the labels that the current data knows: new labels are no question of chance."""
    names = sorted({name for name in current.labels if name is not None})
    ids = {name: number for number, name in enumerate(names)}
    old = np.array([ids[n] for n in current.labels if n is not None], dtype=np.int64)
    fresh = np.array([ids[n] for n in new.labels if n in ids], dtype=np.int64)
    if len(names) < 2 or len(fresh) < FEWEST_ROWS:  # noqa: PLR2004  one label has no shares
        return None
    return shares_test(old, fresh, permutations=LABEL_PERMUTATIONS, seed=seed)
