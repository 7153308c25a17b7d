"""The step-one proof before the first step: one real optimizer step of a copy."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from transformers import TrainerCallback

from tunewell.preflight.collate import told
from tunewell.preflight.shadow import shadow
from tunewell.preflight.stage import Probe, Stage
from tunewell.preflight.stand_in import MOST_ROWS as SMALL_STEP
from tunewell.preflight.stand_in import able
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.train.step_one import StepOne


class _Witness(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Sees the first step of the copy."""

    def __init__(self) -> None:
        self._proof = StepOne()
        self.tensors: list[dict[str, Any]] = []
        self.rate = 0.0
        self.loss: torch.Tensor | None = None

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ARG002
        """With gradients, before the step."""
        if not self.tensors:
            self.rate = max(float(group["lr"]) for group in parts["optimizer"].param_groups)
            self._proof.before(parts["model"], parts["optimizer"])

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ARG002
        """After it."""
        if not self.tensors:
            self.tensors = self._proof.after(parts["model"])


class _Largest:
    """The largest output of any linear layer of a copied model."""

    def __init__(self, model: Any) -> None:
        self.value = 0.0
        self.layer = ""
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_hook(functools.partial(self._seen, name))

    def _seen(self, name: str, module: Any, inputs: Any, output: torch.Tensor) -> None:  # noqa: ARG002
        top = float(output.detach().abs().max().float())
        top = top if math.isfinite(top) else math.inf
        if top > self.value:
            self.value, self.layer = top, name


def prove_step(stage: Stage) -> ModelState:
    """Take one optimizer step on a copy, over the longest rows first.

    Raises:
        NotRunError: if neither the model nor a small one like it can take a step here.
    """
    acting, stand_in = able(stage)
    witness = _Witness()
    args = acting.trainer.args
    wanted = max(1, args.train_batch_size) * args.gradient_accumulation_steps
    losses: list[torch.Tensor] = []
    raised: str | None = None
    with shadow(
        acting.trainer,
        enough(acting, wanted),
        dataset=acting.train.dataset,
        callbacks=(witness,),
        max_steps=1,
    ) as twin:
        step = twin.training_step

        def first_loss(*given: Any, **named: Any) -> Any:
            loss = step(*given, **named)
            losses.append(loss.detach().float())
            return loss

        twin.training_step = first_loss
        largest = _Largest(twin.model) if args.fp16 else None
        try:
            twin.train()
        except Exception as error:  # noqa: BLE001  the user's own training; what it raises is told
            raised = told(error)
    config = getattr(stage.core, "config", None)
    return ModelState(
        tensors=tuple(TensorStep(**entry) for entry in witness.tensors),
        learning_rate=witness.rate,
        # What the trainer would log: each batch's share of the step's loss, added up.
        first_loss=float(sum(losses)) if losses else None,
        classes=getattr(config, "num_labels", None) if stage.task == "sequence" else None,
        raised=raised,
        stand_in=stand_in,
        largest_activation=largest.value if largest else None,
        largest_layer=largest.layer if largest else "",
    )


PROBE = Probe(gives=ModelState, run=prove_step)

MOST_ROWS = 64
"""Rows of a rehearsed step at most: what moves shows after few, and a large batch takes long."""

MOST_WORK = 3e12
"""Multiplications of a rehearsed step on a CPU at most, about a minute on two cores."""


def enough(stage: Stage, wanted: int) -> list[int]:
    """So many rows, the chosen ones over again where there are fewer; fewer on a slow machine."""
    rows = stage.train.rows
    wanted = min(wanted, stage.facts.get(SMALL_STEP, wanted))
    device = next(stage.trainer.model.parameters()).device
    if device.type == "cpu":
        values = sum(parameter.numel() for parameter in stage.trainer.model.parameters())
        longest = int(stage.train.lengths.max(initial=1)) or 1
        wanted = min(wanted, max(2, int(MOST_WORK / (6 * values * longest))))
    wanted = min(wanted, MOST_ROWS)
    return [rows[place % len(rows)] for place in range(wanted)]
