"""The real collator over the chosen rows: what the model would be given."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tunewell.preflight.rows import MEASURED, Chosen
from tunewell.preflight.stage import Probe, Stage
from tunewell.preflight.vocabulary import vocabulary_of
from tunewell.subjects.batch import IGNORED, Batch, BatchRow, Collated

TEXT_KEPT = 4_000
"""Characters of a source text that are kept with its row."""

NO_LABELS_BY_TOKEN = frozenset({"sequence", "embedding", "prompt"})
PAIRED_ROLES: Mapping[str, tuple[str, str]] = {"preference": ("chosen", "rejected")}
"""Tasks whose batch stacks two sequences of each row, all of the first kind first."""

MASKS = ("completion_mask",)
"""Keys that tell by 0 and 1 which tokens count, where there are no labels by token."""


def collate(stage: Stage) -> Batch:
    """Collate the chosen rows of both splits.

    Raises:
        NotRunError: if the training set can be walked through only once, so that a look would use
            rows up.
    """
    trainer = stage.trainer
    with_size = functools.partial(_collated, stage)
    train = with_size("train", stage.train, max(1, trainer.args.train_batch_size))
    evaluation = None
    if stage.evaluation is not None:
        evaluation = with_size("eval", stage.evaluation, max(1, trainer.args.eval_batch_size))
    return Batch(
        task=stage.task,
        train=train,
        evaluation=evaluation,
        vocabulary=vocabulary_of(stage),
        collator=type(trainer.data_collator).__name__
        if not hasattr(trainer.data_collator, "__name__")
        else trainer.data_collator.__name__,
    )


PROBE = Probe(gives=Batch, run=collate)


def prepared(stage: Stage, chosen: Chosen, split: str) -> tuple[Any, Callable[..., Any]]:
    """The rows with the columns that the trainer keeps, and a collator of their own.

    Both are made the way the trainer's data loader makes them.
    """
    twin = copy.copy(stage.trainer)
    twin._signature_columns = copy.copy(stage.trainer._signature_columns)  # noqa: SLF001  a cache
    collator = copy.deepcopy(stage.trainer.data_collator)
    if hasattr(chosen.dataset, "select") and hasattr(chosen.dataset, "column_names"):
        kept = twin._remove_unused_columns(chosen.dataset, description=split)  # noqa: SLF001
        return kept, collator
    twin.data_collator = collator
    return chosen.dataset, twin._get_collator_with_removed_columns(collator, split)  # noqa: SLF001


def _collated(stage: Stage, split: str, chosen: Chosen, batch_size: int) -> Collated:
    rows: list[BatchRow] = []
    keys: dict[str, tuple[int, ...]] = {}
    error: str | None = None
    failed: list[int] = []
    pieces = _Pieces(stage.tokenizer)
    try:
        dataset, collator = prepared(stage, chosen, split)
    except Exception as problem:  # noqa: BLE001  the user's own code; what it raises is the finding
        return Collated(
            split, (), chosen.total, batch_size, lengths=chosen.lengths, error=told(problem)
        )
    for start in range(0, len(chosen.rows), batch_size):
        group = chosen.rows[start : start + batch_size]
        try:
            examples = [dataset[row] for row in group]
            batch = collator([copy.copy(example) for example in examples])
        except Exception as problem:  # noqa: BLE001  as above
            error = error or told(problem)
            failed += group
            rows += _alone(stage, dataset, collator, chosen, group, pieces)
            continue
        keys = keys or {name: tuple(value.shape) for name, value in _tensors(batch).items()}
        rows += _rows(stage.task, batch, group, chosen, pieces)
    return Collated(
        split=split,
        rows=tuple(rows),
        total=chosen.total,
        batch_size=batch_size,
        keys=keys,
        lengths=chosen.lengths,
        trained=_trained(chosen, rows),
        error=error,
        error_rows=tuple(failed),
    )


def _trained(chosen: Chosen, rows: Sequence[BatchRow]) -> NDArray[np.int64] | None:
    """Trained tokens of every row by the data set's own labels, where the collator keeps them.

    The first label of a row is never a target: a causal model predicts from the token before.
    """
    dataset = chosen.dataset
    if "labels" not in (getattr(dataset, "column_names", None) or ()) or not chosen.total:
        return None
    if chosen.total > MEASURED or not hasattr(dataset, "with_format"):
        return None
    labels = dataset.with_format(None)["labels"]
    if not all(isinstance(row, list) for row in labels):
        return None
    counts = np.array([_targets(np.asarray(row)) for row in labels], dtype=np.int64)
    kept = all(
        _targets(row.labels) == counts[row.index]
        for row in rows
        if row.index is not None and row.labels is not None
    )
    return counts if kept else None


def _targets(labels: NDArray[Any]) -> int:
    return int((labels[1:] != IGNORED).sum())


def told(problem: Exception) -> str:
    """An exception as one line."""
    return f"{type(problem).__name__}: {' '.join(str(problem).split())}"


def _alone(
    stage: Stage,
    dataset: Any,
    collator: Callable[..., Any],
    chosen: Chosen,
    group: Sequence[int],
    pieces: _Pieces,
) -> list[BatchRow]:
    """What the collator makes of each row by itself, as far as it can."""
    rows: list[BatchRow] = []
    for row in group:
        try:
            batch = collator([copy.copy(dataset[row])])
        except Exception:  # noqa: BLE001, S112  the row of this failure is told by `error_rows`
            continue
        rows += _rows(stage.task, batch, (row,), chosen, pieces)
    return rows


def _tensors(batch: Any) -> dict[str, torch.Tensor]:
    items = dict(batch) if isinstance(batch, Mapping) or hasattr(batch, "keys") else {}
    return {name: value for name, value in items.items() if isinstance(value, torch.Tensor)}


def _rows(
    task: str,
    batch: Any,
    group: Sequence[int],
    chosen: Chosen,
    pieces: _Pieces,
) -> list[BatchRow]:
    tensors = _tensors(batch)
    ids = next((tensors[k] for k in ("input_ids", "sentence_0_input_ids") if k in tensors), None)
    if ids is None or ids.ndim != 2:  # noqa: PLR2004  (sequences, tokens)
        return []
    sequences = ids.shape[0]
    roles = PAIRED_ROLES.get(task, ("row",))
    whole = sequences == len(group) * len(roles)
    labels = tensors.get("labels")
    by_token = labels is not None and labels.shape == ids.shape and task not in NO_LABELS_BY_TOKEN
    mask = next((tensors[name] for name in MASKS if name in tensors), None)
    found = []
    for place in range(sequences):
        row = group[place % len(group)] if whole else None
        mine = _array(ids[place])
        found.append(
            BatchRow(
                index=row,
                role=roles[place // len(group)] if whole else roles[0],
                ids=mine,
                attended=_attended(tensors, place, mine),
                pieces=pieces.of(mine),
                labels=_labels(labels, mask, place, mine, by_token=by_token),
                positions=_optional(tensors, "position_ids", place),
                label=None if by_token or labels is None or not whole else _label(labels, place),
                source={} if row is None else _source(chosen.dataset[row]),
            )
        )
    return found


def _labels(
    labels: torch.Tensor | None,
    mask: torch.Tensor | None,
    place: int,
    ids: NDArray[np.int64],
    *,
    by_token: bool,
) -> NDArray[np.int64] | None:
    if by_token and labels is not None:
        return _array(labels[place])
    if mask is not None and mask.shape[-1] == len(ids):
        return np.where(_array(mask[place]) == 1, ids, -100)
    if labels is not None and labels.ndim == 2:  # noqa: PLR2004  (sequences, target tokens)
        return _array(labels[place])
    return None


def _label(labels: torch.Tensor, place: int) -> object:
    if labels.ndim and place < labels.shape[0]:
        value: object = labels[place].tolist()
        return value
    return None


def _attended(
    tensors: Mapping[str, torch.Tensor], place: int, ids: NDArray[np.int64]
) -> NDArray[np.bool_]:
    mask = tensors.get("attention_mask")
    if mask is None or mask.shape[-1] != len(ids) or mask.ndim != 2:  # noqa: PLR2004
        return np.ones(len(ids), dtype=np.bool_)
    return _array(mask[place]).astype(np.bool_)


def _optional(
    tensors: Mapping[str, torch.Tensor], name: str, place: int
) -> NDArray[np.int64] | None:
    value = tensors.get(name)
    return _array(value[place]) if value is not None and value.ndim == 2 else None  # noqa: PLR2004


def _array(tensor: torch.Tensor) -> NDArray[np.int64]:
    array: NDArray[np.int64] = tensor.detach().cpu().long().numpy()
    return array


def _source(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        return {}
    return {
        str(name): value[:TEXT_KEPT] if isinstance(value, str) else value
        for name, value in row.items()
    }


class _Pieces:
    """Tokens decoded one by one, each id once."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: dict[int, str] = {}

    def of(self, ids: NDArray[np.int64]) -> tuple[str, ...]:
        return tuple(self._piece(int(token)) for token in ids)

    def _piece(self, token: int) -> str:
        if token not in self._known:
            self._known[token] = self._decoded(token)
        return self._known[token]

    def _decoded(self, token: int) -> str:
        if self._tokenizer is None or not hasattr(self._tokenizer, "decode"):
            return str(token)
        try:
            return str(self._tokenizer.decode([token]))
        except Exception:  # noqa: BLE001  an id that the tokenizer does not know is a finding later
            return f"<{token}>"
