"""How often rows that share a text come together in a batch of an embedding model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.preflight.rows import MEASURED
from tunewell.preflight.stage import Probe, Stage
from tunewell.subjects.in_batch_negatives import InBatchNegatives

LOSSES = frozenset(
    {
        "MultipleNegativesRankingLoss",
        "CachedMultipleNegativesRankingLoss",
        "MultipleNegativesSymmetricRankingLoss",
        "CachedMultipleNegativesSymmetricRankingLoss",
    }
)
"""Losses of sentence-transformers that take every other positive of the batch for a wrong one."""

SHOWN = 8
TEXT_KEPT = 200


def count_shared(stage: Stage) -> InBatchNegatives:
    """Count the rows that share their anchor or positive.

    Raises:
        NotApplicableError: if the loss takes no negatives from its batch.
        NotRunError: if the rows cannot be read.
    """
    name = _loss(getattr(stage.trainer, "loss", None))
    if name not in LOSSES:
        message = "only some losses of embedding models take their negatives from the batch"
        raise NotApplicableError(message)
    dataset, args = stage.train.dataset, stage.trainer.args
    columns = _columns(stage.trainer, dataset)
    if len(columns) < 2:  # noqa: PLR2004  a pair
        message = "the training set has no columns of anchors and positives"
        raise NotRunError(message)
    count = len(dataset)
    rows = np.arange(count)
    if count > MEASURED:
        rows = np.sort(np.random.default_rng(0).choice(count, MEASURED, replace=False))
    table = dataset.select(rows.tolist()) if hasattr(dataset, "select") else None
    pairs = [_cells(table, dataset, rows.tolist(), column) for column in columns[:2]]
    sampler = str(getattr(args.batch_sampler, "value", args.batch_sampler))
    shared, examples = _shared(pairs)
    return InBatchNegatives(
        loss=name,
        sampler=sampler,
        separates="no_duplicates" in sampler,
        batch_size=max(1, args.train_batch_size),
        looked=len(rows),
        total=count,
        shared=shared,
        columns=tuple(columns[:2]),
        examples=examples,
    )


PROBE = Probe(gives=InBatchNegatives, run=count_shared)


def _loss(loss: Any) -> str:
    """The name of the loss inside of any wrapper."""
    inner = getattr(loss, "loss", None)
    if inner is not None and type(loss).__name__ not in LOSSES:
        return _loss(inner)
    return type(loss).__name__


def _columns(trainer: Any, dataset: Any) -> list[str]:
    labels = getattr(trainer.data_collator, "valid_label_columns", ())
    names = getattr(dataset, "column_names", None) or list(dataset[0])
    return [name for name in names if name not in labels and isinstance(dataset[0][name], str)]


def _cells(table: Any, dataset: Any, rows: Sequence[int], column: str) -> list[str]:
    if table is not None:
        return [str(cell) for cell in table[column]]
    return [str(dataset[row][column]) for row in rows]


def _shared(
    pairs: Sequence[Sequence[str]],
) -> tuple[tuple[float, ...], tuple[tuple[str, int], ...]]:
    anchors, positives = (Counter(texts) for texts in pairs)
    both = Counter(zip(*pairs, strict=True))
    others = max(1, len(pairs[0]) - 1)
    shared = tuple(
        (anchors[one] + positives[two] - both[one, two] - 1) / others
        for one, two in zip(*pairs, strict=True)
    )
    twice = [
        (text[:TEXT_KEPT], count)
        for counted in (anchors, positives)
        for text, count in counted.most_common(SHOWN)
        if count > 1
    ]
    return shared, tuple(sorted(twice, key=lambda entry: -entry[1])[:SHOWN])
