"""Compute a batch in parts, so that gradient and loss are those of the whole.

The loss of a batch is a mean over rows, a mean over labelled tokens, a weighted mean, or already
divided by the number of items in the whole step. Which of them holds decides how parts are to be
weighted, so it is not assumed: the loss of two rows is compared with those of each alone.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any

import torch

MASKED = -100
"""Label of a token that no loss looks at, by convention of PyTorch and transformers."""

AGREE = {torch.float32: 2e-5, torch.float64: 1e-9}
COARSE = 2e-2
"""Relative difference under which two losses are the same: some hundred roundings of float32; of
bfloat16, which keeps 8 bits, some few."""


class Reduction(StrEnum):
    """How the losses of parts make the loss of the batch."""

    SUM = "sum"
    OWN = "own"
    LABELS = "labels"
    SHIFTED = "shifted labels"
    ROWS = "rows"


def count_rows(batch: Any) -> int | None:  # noqa: ANN401
    """Rows of a batch, None where it cannot be cut: not a mapping, or tensors of other lengths."""
    if not isinstance(batch, Mapping):
        return None
    lengths = {
        len(value)
        for value in batch.values()
        if (isinstance(value, torch.Tensor) and value.ndim > 0) or isinstance(value, list | tuple)
    }
    return lengths.pop() if len(lengths) == 1 else None


def take(batch: Mapping[str, Any], rows: slice | list[int]) -> dict[str, Any]:
    """Some rows of a batch whose rows can be counted."""
    taken: dict[str, Any] = {}
    for name, value in batch.items():
        if isinstance(value, torch.Tensor) and value.ndim > 0:
            taken[name] = value[rows]
        elif isinstance(value, list | tuple):
            chosen = value[rows] if isinstance(rows, slice) else [value[row] for row in rows]
            taken[name] = type(value)(chosen)
        else:
            taken[name] = value
    return taken


def spans(rows: int, most: int) -> list[slice]:
    """The rows in order, in as few parts of at most `most` as there can be, of like size."""
    parts = -(-rows // most)
    ends = [rows * part // parts for part in range(parts + 1)]
    return [slice(start, end) for start, end in pairwise(ends)]


def row_weights(trainer: Any, batch: Mapping[str, Any], reduction: Reduction) -> torch.Tensor:  # noqa: ANN401
    """What each row counts in the loss of its batch: float64, shape (rows,)."""
    rows = count_rows(batch) or 0
    if reduction is Reduction.OWN:
        own: torch.Tensor = trainer.row_weights(batch)
        return own.detach().double().cpu()
    labels = batch.get("labels")
    if reduction in {Reduction.LABELS, Reduction.SHIFTED} and isinstance(labels, torch.Tensor):
        if reduction is Reduction.SHIFTED:
            labels = labels[:, 1:]
        return (labels != MASKED).reshape(rows, -1).sum(dim=1).double().cpu()
    return torch.ones(rows, dtype=torch.float64)


def _shifts(trainer: Any) -> bool:  # noqa: ANN401
    """Whether the first label of each row has no prediction: a causal language model."""
    model = getattr(trainer.model, "base_model", trainer.model)
    names = {type(trainer.model).__name__, type(getattr(model, "model", model)).__name__}
    return bool(getattr(trainer, "_loss_shifts_labels", False)) or any(
        "CausalLM" in name or "LMHead" in name for name in names
    )


def expected(trainer: Any, batch: Mapping[str, Any], items: Any) -> list[Reduction]:  # noqa: ANN401
    """How the loss is likely reduced, likeliest first."""
    own = [Reduction.OWN] if hasattr(trainer, "row_weights") else []
    scaled = getattr(trainer, "loss_is_scaled_for_ga", None)
    if scaled is None:
        accepts = getattr(trainer, "model_accepts_loss_kwargs", False)
        scaled = (accepts and items is not None) or trainer.compute_loss_func is not None
    labels = batch.get("labels")
    means = [Reduction.ROWS]
    if isinstance(labels, torch.Tensor) and not labels.is_floating_point():
        means = [Reduction.LABELS, Reduction.ROWS]
        if labels.ndim > 1:
            by_labels = [Reduction.LABELS, Reduction.SHIFTED]
            means = [*(reversed(by_labels) if _shifts(trainer) else by_labels), Reduction.ROWS]
    if items is None:
        return own + means
    return [*own, Reduction.SUM, *means] if scaled else [*own, *means, Reduction.SUM]


def find_reduction(
    trainer: Any,  # noqa: ANN401
    model: Any,  # noqa: ANN401
    batch: Mapping[str, Any],
    items: Any,  # noqa: ANN401
) -> Reduction | None:
    """How parts must be weighted, proved on two rows that differ most; None where none fits.

    A loss that compares the rows of a batch (contrastive, or chosen against rejected) is no sum
    over rows, and no weighting fits. What raises here, for want of memory or of sense in two lone
    rows, proves nothing either.
    """
    pair = _unlike(trainer, batch)
    both, first, second = (take(batch, rows) for rows in (pair, pair[:1], pair[1:]))
    try:
        with alone(trainer, model) as loss_of:
            whole, one, other = (loss_of(part, items) for part in (both, first, second))
    except Exception:  # noqa: BLE001  a loss that cannot be looked at is not proved
        return None
    bound = _bound(trainer, model)
    apart: dict[Reduction, float] = {}
    for reduction in expected(trainer, batch, items):
        if reduction is Reduction.SUM:
            sum_ = one + other
        else:
            weights = row_weights(trainer, both, reduction)
            total = float(weights.sum())
            if total <= 0:
                continue
            sum_ = float(weights[0]) / total * one + float(weights[1]) / total * other
        apart[reduction] = abs(whole - sum_) / max(abs(whole), abs(one), abs(other), 1e-30)
    if not apart or min(apart.values()) > bound:
        return None
    # Two that differ by rounding alone give the same here: the likelier one is first.
    least = min(apart.values())
    tie = bound / 10 if bound < COARSE else bound
    return next(reduction for reduction, gap in apart.items() if gap <= max(least, tie))


def _bound(trainer: Any, model: Any) -> float:  # noqa: ANN401
    """Relative difference of losses that rounding explains, by the model's precision."""
    kinds = {p.dtype for p in model.parameters() if p.is_floating_point()}
    exact = trainer.accelerator.mixed_precision == "no" and len(kinds) == 1
    return AGREE.get(next(iter(kinds)), COARSE) if exact else COARSE


def _unlike(trainer: Any, batch: Mapping[str, Any]) -> list[int]:  # noqa: ANN401
    """Two rows: those with the fewest and the most labels, or the least and the largest label."""
    weights = row_weights(trainer, batch, Reduction.LABELS)
    labels = batch.get("labels")
    if float(weights.min()) == float(weights.max()) and isinstance(labels, torch.Tensor):
        weights = labels.reshape(len(weights), -1)[:, 0].double().cpu()
    first, last = int(weights.argmin()), int(weights.argmax())
    return [0, 1] if first == last else sorted((first, last))


@contextlib.contextmanager
def alone(trainer: Any, model: Any) -> Iterator[Callable[[Mapping[str, Any], Any], float]]:  # noqa: ANN401
    """A way to ask for the training loss of rows that leaves no trace.

    No gradient, no dropout, no hook of an observer on the model, nothing in the trainer's metrics.
    """
    modules = list(model.modules())
    training = [module.training for module in modules]
    before, after = model._forward_pre_hooks, model._forward_hooks  # noqa: SLF001  observers' hooks
    tally = Tally(trainer)

    def loss_of(rows: Mapping[str, Any], items: Any) -> float:  # noqa: ANN401
        inputs = trainer._prepare_inputs(rows)  # noqa: SLF001  as training_step does
        with trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(model, inputs, num_items_in_batch=items)
        return float(loss.detach().float().mean())

    try:
        model.eval()
        # The root stays in training mode: losses ask it whether they are to be the training loss.
        model.training = True
        model._forward_pre_hooks = OrderedDict()  # noqa: SLF001
        model._forward_hooks = OrderedDict()  # noqa: SLF001
        with torch.no_grad():
            yield loss_of
    finally:
        model._forward_pre_hooks, model._forward_hooks = before, after  # noqa: SLF001
        for module, mode in zip(modules, training, strict=True):
            module.training = mode
        tally.put_back()


class Tally:
    """What TRL's trainers add up while they compute losses, so that a step redone counts once."""

    NAMES = ("_total_train_tokens", "_total_eval_tokens")

    def __init__(self, trainer: Any) -> None:  # noqa: ANN401
        self.trainer = trainer
        metrics = getattr(trainer, "_metrics", None)
        self.metrics = metrics if isinstance(metrics, dict) else {}
        self.lists = {
            (mode, name): list(values) if len(values) == 1 else len(values)
            for mode, lists in self.metrics.items()
            if isinstance(lists, dict)
            for name, values in lists.items()
            if isinstance(values, list)
        }
        self.numbers = {
            name: getattr(trainer, name) for name in self.NAMES if hasattr(trainer, name)
        }

    def put_back(self) -> None:
        """As it was when this was made."""
        for mode, lists in self.metrics.items():
            if not isinstance(lists, dict):
                continue
            for name in list(lists):
                kept = self.lists.get((mode, name))
                if kept is None:
                    del lists[name]
                elif isinstance(kept, list):
                    lists[name] = list(kept)
                else:
                    del lists[name][kept:]
        for name, value in self.numbers.items():
            setattr(self.trainer, name, value)
