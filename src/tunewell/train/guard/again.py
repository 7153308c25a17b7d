"""Go back to a state, and compute the steps since once more as the trainer did."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from tunewell.train.guard.kept import Kept
from tunewell.train.guard.parts import Tally
from tunewell.train.guard.states import RandomStates, State
from tunewell.train.guard.steps import Step, Steps


@dataclass(slots=True)
class Again:
    """Steps computed again: their losses, and the step after which weights were not finite."""

    losses: dict[int, float] = field(default_factory=dict)
    broke_at: int | None = None


def measured(trainer: Any, step: Step) -> tuple[float, float]:  # noqa: ANN401
    """Raw loss and gradient norm of a step; a norm that fp16's scaler looks after counts 0."""
    if not step.losses:
        return 0.0, 0.0
    loss = torch.stack([part.float() for part in step.losses]).sum()
    if trainer.accelerator.scaler is not None:
        return float(loss), 0.0
    norm = step.norm
    if norm is None:
        gradients = [p.grad for p in trainer.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients) if gradients else 0.0
    if not isinstance(norm, torch.Tensor):
        return float(loss), float(norm)
    # One wait for the device in place of two.
    both = torch.stack([loss, norm.detach().float().to(loss.device)]).tolist()
    return both[0], both[1]


class Rewind:
    """Computes steps again within a trainer that is between two steps, or in the midst of one.

    Args:
        trainer: what trains.
        steps: the guarded steps.
        kept: states and batches.
        update: the optimizer's own step.
    """

    def __init__(
        self,
        trainer: Any,  # noqa: ANN401
        steps: Steps,
        kept: Kept,
        update: Callable[[], Any],
    ) -> None:
        self.trainer = trainer
        self.steps = steps
        self.kept = kept
        self.update = update

    def again(
        self,
        state: State,
        steps: Sequence[Step],
        *,
        factor: float,
        leave_out: frozenset[int] = frozenset(),
        schedule_last: bool = True,
        look: bool = False,
    ) -> Again:
        """Put `state` back and compute `steps` once more, as the trainer did, but for some.

        `factor` is what the learning rate is multiplied by. With `look` it stops after the step
        whose update leaves weights that are not finite.
        """
        trainer, trained, now = self.trainer, self.kept.trained, self.steps.step
        random, tally = RandomStates(), Tally(trainer)
        accumulation = trainer.current_gradient_accumulation_steps
        result = Again()
        trained.load(state)
        if state.factor != factor:
            trained.lower_rate(factor / state.factor)
        trainer.model_wrapped.zero_grad(set_to_none=True)
        with self.steps.watch.looking_away():
            self._compute_all(steps, leave_out, result, schedule_last=schedule_last, look=look)
        self.steps.step = now
        trainer.current_gradient_accumulation_steps = accumulation
        random.put_back()
        tally.put_back()
        return result

    def _compute_all(
        self,
        steps: Sequence[Step],
        leave_out: frozenset[int],
        result: Again,
        *,
        schedule_last: bool,
        look: bool,
    ) -> None:
        trainer, trained, model = self.trainer, self.kept.trained, self.trainer.model_wrapped
        for step in steps:
            taken = not step.left_out and step.number not in leave_out
            if taken:
                self._compute(step, model)
                result.losses[step.number], norm = measured(trainer, step)
                taken = math.isfinite(result.losses[step.number]) and math.isfinite(norm)
            if taken:
                self.update()
            model.zero_grad(set_to_none=True)
            skipped = taken and trainer.accelerator.optimizer_step_was_skipped
            if trained.scheduled and not skipped and (schedule_last or step is not steps[-1]):
                trainer.lr_scheduler.step()
            if look and taken and not trained.finite():
                result.broke_at = step.number
                break

    def _compute(self, step: Step, model: Any) -> None:  # noqa: ANN401
        trainer = self.trainer
        self.steps.step = step
        step.done, step.losses, step.norm = 0, [], None
        if step.random is not None:
            step.random.put_back()
        trainer.current_gradient_accumulation_steps = len(step.batches)
        for place, batch in enumerate(step.batches):
            last = place == len(step.batches) - 1
            trainer.accelerator.gradient_state._set_sync_gradients(last)  # noqa: SLF001  as Trainer
            self.steps.training_step(model, batch, step.items)
        if trainer.args.max_grad_norm and trainer.args.max_grad_norm > 0:
            trainer.accelerator.clip_grad_norm_(model.parameters(), trainer.args.max_grad_norm)


def loss_here_and_then(
    computed: Steps, tensors: Mapping[str, torch.Tensor], state: State, steps: list[Step]
) -> tuple[float, float]:
    """Mean loss of steps under the present weights and under those of a state; NaN where unknown.

    `tensors` are the weights as they are trained; they hold the same values afterwards.
    """
    try:
        here = computed.loss_without_trace(steps)
        present = {name: t.detach().to("cpu", copy=True) for name, t in tensors.items()}
    except Exception:  # noqa: BLE001  what cannot be compared is no proof
        return math.nan, math.nan
    try:
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(state.tensors[name])
        then = computed.loss_without_trace(steps)
    except Exception:  # noqa: BLE001  as above
        then = math.nan
    finally:
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(present[name])
    return here, then
