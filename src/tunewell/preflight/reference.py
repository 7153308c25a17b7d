"""The reference of preference tuning: at the start it must be the model itself."""

from __future__ import annotations

from typing import Any

import torch

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.preflight.shadow import require_copyable, shadow, without_dropout
from tunewell.preflight.stage import Probe, Stage
from tunewell.preflight.stand_in import STANDS_IN
from tunewell.preflight.step import enough
from tunewell.subjects.reference import Reference

ROWS = 8


def compare(stage: Stage) -> Reference:
    """Score one batch with the model and with its reference.

    Raises:
        NotApplicableError: if the trainer has no reference.
        NotRunError: if the real weights are not at hand.
    """
    trainer = stage.trainer
    if not any(kind.__name__ == "DPOTrainer" for kind in type(trainer).__mro__):
        message = "the trainer does not hold its model against a reference (DPO does)"
        raise NotApplicableError(message)
    require_copyable(trainer)
    if getattr(stage.core, STANDS_IN, False):
        message = "needs the model's real weights"
        raise NotRunError(message)
    rows = enough(stage, ROWS)
    with shadow(
        trainer, rows, dataset=stage.train.dataset, per_device_train_batch_size=len(rows)
    ) as twin:
        # In training mode, because the trainer keeps what it measures by mode.
        without_dropout(twin.model).train()
        if twin.ref_model is not None:
            twin.ref_model.eval()
        batch = twin._prepare_inputs(next(iter(twin.get_train_dataloader())))  # noqa: SLF001
        with torch.no_grad():
            twin.compute_loss(twin.model, batch)
        metrics = twin._metrics["train"]  # noqa: SLF001  where TRL keeps what it will log
        ratios = [
            abs(_mean(metrics.get(f"rewards/{side}"))) / twin.beta
            for side in ("chosen", "rejected")
        ]
    said = metrics.get("logps/chosen")
    return Reference(
        kind=_kind(trainer),
        log_ratio=max(ratios),
        rows=len(rows),
        answer_log_probability=_mean(said) if said else None,
    )


PROBE = Probe(gives=Reference, run=compare, steps=True)


def _mean(values: Any) -> float:
    if not values:
        message = "this version of TRL does not tell the rewards of a batch"
        raise NotRunError(message)
    return float(sum(values) / len(values))


def _kind(trainer: Any) -> str:
    if getattr(trainer, "precompute_ref_logps", False):
        return "precomputed"
    if trainer.ref_model is not None:
        return "model"
    adapters = getattr(trainer.model, "peft_config", {})
    return "adapter" if "ref" in adapters else "base"
