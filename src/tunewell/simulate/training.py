"""What a simulated step trains: a model over batches by shape, with the loss of its task."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from tunewell.simulate import losses
from tunewell.simulate.autocast import HALF
from tunewell.simulate.batches import batch_of
from tunewell.simulate.generation import generate

if TYPE_CHECKING:
    from tunewell.simulate.step import Run


class Training(Protocol):
    """The model, its batches and its loss: what differs between a described step and a trainer's.

    `model` is what modules are named by and whose parameters are counted; `whole` is everything
    that lies on the device and may be trained.
    """

    model: Any
    whole: nn.Module

    def around(self, run: Run) -> AbstractContextManager[object]:
        """What holds while steps are run."""

    def beside(self, run: Run) -> None:
        """Hold what lies on the device beside `whole`."""

    def recompute(self, run: Run) -> str | None:
        """Have layers recomputed in the backward pass; a sentence where that cannot be."""

    def fetch(self, run: Run, count: int) -> list[Any]:
        """So many batches on the meta device."""

    def micro_batch(
        self,
        run: Run,
        batch: Any,  # noqa: ANN401  what a collator made
        held: list[object],
        before_backward: Callable[[], None],
    ) -> None:
        """One forward and backward pass, with a call between them.

        What the loop holds until the next micro-batch replaces what is in `held`.
        """

    def evaluate(self, run: Run, rows: int) -> None:
        """One batch of so many rows without gradients."""

    def generate(self, run: Run, tokens: int) -> None:
        """Write so many tokens for a batch that is evaluated."""


class OfModel:
    """A model built for a step that is described: batches by shape, the loss of the task."""

    def __init__(self, model: nn.Module) -> None:
        self.model: Any = model
        self.whole = model

    def around(self, run: Run) -> AbstractContextManager[object]:  # noqa: ARG002  the protocol's
        """Nothing more."""
        return nullcontext()

    def beside(self, run: Run) -> None:
        """Without adapters DPO's reference is a model of its own, whose weights stay."""
        if run.step.task != "dpo" or run.step.adapter is not None:
            return
        if run.step.sharding is not None:
            run.assumptions.append("DPO's reference model, a second copy, was left out.")
            return
        for weight in self.model.parameters():
            run.storages.hold(weight.nbytes, "weights of the reference", kind="weights")

    def recompute(self, run: Run) -> str | None:
        """As the Trainer switches checkpointing on."""
        model = self.model.get_base_model() if run.step.adapter is not None else self.model
        settings = {"use_reentrant": run.step.reentrant}
        if not enable_recomputing(model, settings):
            return "This model has no checkpointing: nothing is recomputed."
        if run.step.adapter is not None and hasattr(model, "enable_input_require_grads"):
            model.enable_input_require_grads()
        return None

    def fetch(self, run: Run, count: int) -> list[dict[str, torch.Tensor]]:
        """As the collator of the task makes them."""
        return [batch_of(run.step, self.model.config, run.step.batch) for _ in range(count)]

    def micro_batch(
        self,
        run: Run,
        batch: dict[str, torch.Tensor],
        held: list[object],
        before_backward: Callable[[], None],
    ) -> None:
        """The Trainer lets go of the outputs before the backward pass, a plain loop does not."""
        loss, outputs = self._loss(run, batch)
        if run.step.loop != "trainer":
            held[:] = [loss, outputs]
        del outputs
        if run.step.accumulation > 1:
            loss = loss / run.step.accumulation
        before_backward()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's

    def evaluate(self, run: Run, rows: int) -> None:
        """A forward pass; embeddings have no loss there."""
        batch = batch_of(run.step, self.model.config, rows)
        run.hold_inputs(batch)
        with torch.no_grad():
            if run.step.task == "embedding":
                self.model(**batch)
            else:
                self._outputs(run, batch)

    def generate(self, run: Run, tokens: int) -> None:
        """By the model's own forward pass, with its cache."""
        batch = batch_of(run.step, self.model.config, run.step.evaluation_batch or run.step.batch)
        batch.pop("labels", None)
        run.hold_inputs(batch)
        generate(self.model, batch, tokens, lambda inputs: self._outputs(run, inputs))

    def _loss(self, run: Run, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, object]:
        if run.step.task == "embedding":
            with run.autocasting():
                return losses.contrastive(self.model, batch), None
        if run.step.task == "dpo":
            return losses.preference(lambda inputs: self._outputs(run, inputs), batch), None
        outputs = self._outputs(run, batch)
        return outputs.loss, outputs

    def _outputs(self, run: Run, batch: dict[str, torch.Tensor]) -> Any:  # noqa: ANN401  a model's output
        with run.autocasting():
            outputs = self.model(**batch)
        if run.autocast is not None and run.step.loop == "trainer":
            # accelerate answers fp32 whatever autocast computed.
            for name, value in list(outputs.items()):
                if isinstance(value, torch.Tensor) and value.dtype in HALF:
                    outputs[name] = value.float()
        return outputs


def enable_recomputing(model: Any, settings: dict[str, Any]) -> bool:  # noqa: ANN401  transformers has no types
    """Switch a model's checkpointing on; False where it has none."""
    if not getattr(model, "supports_gradient_checkpointing", False):
        return False
    enable = getattr(model, "activation_checkpointing_enable", None)
    if enable is not None:
        enable(activation_checkpointing_kwargs=settings)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=settings)
    return True
