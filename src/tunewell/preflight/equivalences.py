"""Accumulation against one large batch: the same rows must give the same gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.preflight.loss import has_own_loss, owner
from tunewell.preflight.rows import lengths_of
from tunewell.preflight.shadow import shadow, without_dropout
from tunewell.preflight.stage import Probe, Stage
from tunewell.preflight.stand_in import MOST_ROWS, able
from tunewell.subjects.equivalences import Equivalences, Pair

BATCH = 2
MOST_WINDOWS = 4
"""Batches of a window that are compared at most: a factor of 4 shows as well as one of 64."""

VALUES_KEPT = 65_536
"""Values of each tensor's gradient that are compared."""

AGREEING = 1e-3
"""Relative difference up to which two gradients are the same but for rounding."""

MANY_ROWS_LOSSES = frozenset({"embedding", "prompt", "unpaired"})
"""Tasks whose loss mixes the rows of a batch, or whose rows are generated: batches differ."""


class _Gradient(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Keeps the gradient of the first optimizer step."""

    def __init__(self) -> None:
        self.kept: torch.Tensor | None = None

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ARG002
        """Copy it before the step."""
        if self.kept is None:
            found = [
                parameter.grad.detach().reshape(-1)[:VALUES_KEPT].float().cpu()
                for parameter in parts["model"].parameters()
                if parameter.grad is not None
            ]
            self.kept = torch.cat(found) if found else None


def measure(stage: Stage) -> Equivalences:
    """Compare the gradient of one large batch with that of the same rows in several.

    Raises:
        NotApplicableError: if nothing is accumulated, or the loss does not promise that they agree.
        NotRunError: if there are too few rows, or no gradient.
    """
    windows = stage.trainer.args.gradient_accumulation_steps
    if windows < MOST_WINDOWS // 2:
        message = "nothing is accumulated (gradient_accumulation_steps is 1)"
        raise NotApplicableError(message)
    if stage.task == "other":
        message = "what kind of head the model has is not known, nor what its loss promises"
        raise NotApplicableError(message)
    if stage.task in MANY_ROWS_LOSSES:
        message = "the loss compares the rows of a batch with each other, so that batches differ"
        raise NotApplicableError(message)
    acting, stand_in = able(stage)
    most = acting.facts.get(MOST_ROWS, BATCH * MOST_WINDOWS)
    windows = max(2, min(windows, MOST_WINDOWS, most // BATCH))
    rows = _unequal(acting, BATCH * windows)
    if len(rows) < BATCH * 2:
        message = f"{len(rows)} rows were looked at, too few to be split into batches"
        raise NotRunError(message)
    windows = len(rows) // BATCH
    rows = rows[: BATCH * windows]
    whole = _gradient(acting, rows, len(rows), 1, seed=1)
    split = _gradient(acting, rows, BATCH, windows, seed=1)
    noise = 0.0
    if _apart(whole, split)[0] > AGREEING:
        # What draws at random differs between two equal runs as well.
        noise, _ = _apart(whole, _gradient(acting, rows, len(rows), 1, seed=2))
    partial: Pair | None = None
    fewer = rows[: BATCH * (windows - 1)]
    if len(fewer) > BATCH:
        short = _gradient(acting, fewer, BATCH, windows, seed=1)
        full = _gradient(acting, fewer, len(fewer), 1, seed=1)
        partial = Pair(len(fewer), BATCH, windows, *_apart(full, short))
    trainer = stage.trainer
    return Equivalences(
        whole=Pair(len(rows), BATCH, windows, *_apart(whole, split)),
        partial=partial,
        noise=noise,
        sums_itself=bool(
            trainer.loss_is_scaled_for_ga
            if getattr(trainer, "loss_is_scaled_for_ga", None) is not None
            else trainer.model_accepts_loss_kwargs or trainer.compute_loss_func is not None
        ),
        owner=owner(trainer, stage.core),
        own_loss=has_own_loss(trainer, stage.core),
        by_token=stage.task not in {"sequence", "preference"},
        stand_in=stand_in,
    )


PROBE = Probe(gives=Equivalences, run=measure, steps=True)


def _unequal(stage: Stage, count: int) -> list[int]:
    """Rows of lengths as different as there are, so mixed that the batches' lengths differ."""
    rows = np.array(stage.train.rows)
    order = rows[np.argsort(lengths_of(stage.train.dataset, rows), kind="stable")]
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [int(order[place]) for place in dict.fromkeys(places.tolist())]


def _gradient(
    stage: Stage, rows: Sequence[int], batch: int, windows: int, *, seed: int
) -> torch.Tensor:
    keeper = _Gradient()
    with shadow(
        stage.trainer,
        rows,
        dataset=stage.train.dataset,
        callbacks=(keeper,),
        max_steps=1,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=windows,
        max_grad_norm=0.0,
        neftune_noise_alpha=None,
        seed=seed,
        data_seed=seed,
    ) as twin:
        without_dropout(twin.model)
        twin.neftune_noise_alpha = None
        twin.train()
    if keeper.kept is None:
        message = "no gradient reached the optimizer"
        raise NotRunError(message)
    return keeper.kept


def _apart(one: torch.Tensor, other: torch.Tensor) -> tuple[float, float]:
    """How far apart two gradients are, and the factor from the first to the second."""
    if one.shape != other.shape:
        message = "the two gradients reach different tensors"
        raise NotRunError(message)
    size = float(one.norm())
    if size == 0 or not torch.isfinite(one).all() or not torch.isfinite(other).all():
        message = "the gradient is zero or not finite"
        raise NotRunError(message)
    return float((one - other).norm()) / size, float(one @ other) / size**2
