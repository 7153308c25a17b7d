"""One process that shares nothing: what the ways of sharing a model out change."""

from __future__ import annotations

import torch
from torch import nn

from tunewell.plan.step import Step
from tunewell.simulate.loading import load
from tunewell.simulate.optimizers import create
from tunewell.simulate.storages import Storages


class Alone:
    """Weights, gradients and states of one process with the whole model on its GPU.

    A run calls `load`, `optimizer`, then for each micro-batch `begin` and
    `after_backward`, and for each optimizer step `clip`,
    `update` and `forget_gradients`. `host_bytes` are
    held in main memory; `moved_bytes` are sent to other GPUs in the last optimizer step,
    `crossing_bytes` pass between the GPU and main memory in it.
    """

    autocasts = True
    """Whether mixed precision is `torch.autocast`, and not weights of another precision."""

    def __init__(self, step: Step, model: nn.Module, storages: Storages) -> None:
        self.step = step
        self.model = model
        self.storages = storages
        self.host_bytes = 0
        self.moved_bytes = 0.0
        self.crossing_bytes = 0.0
        self.times = 0
        self.assumptions: list[str] = []

    def load(self) -> None:
        """Bring the weights to the device."""
        load(self.model, self.storages)

    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer over what this process updates.

        Raises:
            NoSuchOptimizerError: if its memory is not known.
        """
        return create(self.step.optimizer, self.model)

    def begin(self, *, first: bool, last: bool) -> None:
        """Begin a micro-batch, perhaps the first or the last one of an optimizer step.

        Two are run for any number of them, and the first stands for all but the last.
        """
        if first:
            self.moved_bytes = self.crossing_bytes = 0.0
        self.times = 1 if last else self.step.accumulation - 1
        self.before_forward(last=last)

    def end_training(self) -> None:
        """What is exchanged from now on is no part of the step."""
        self.times = 0

    def before_forward(self, *, last: bool) -> None:
        """Prepare a micro-batch, perhaps the last one of an optimizer step."""

    def after_backward(self) -> None:
        """End a micro-batch: gradients are there."""
        for parameter in self.model.parameters():
            self.storages.say(parameter.grad, "gradients")

    def clip(self) -> None:
        """Clip the gradients, where the step does."""
        self.clip_those(list(self.model.parameters()))

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """Make the optimizer's step."""
        optimizer.step()
        self.say_states(optimizer)

    def forget_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """`zero_grad` of the loop."""
        optimizer.zero_grad(set_to_none=True)

    def clip_those(self, parameters: list[nn.Parameter]) -> None:
        """Clip the gradients of these parameters, where the step does."""
        if self.step.clipping:
            nn.utils.clip_grad_norm_([p for p in parameters if p.grad is not None], 1.0)

    def say_states(self, optimizer: torch.optim.Optimizer) -> None:
        """Say that the optimizer's states are such."""
        for state in optimizer.state.values():
            for value in state.values():
                self.storages.say(value, "optimizer")


def trained(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that get a gradient."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def size(tensor: torch.Tensor) -> int:
    """Bytes of a tensor's values."""
    return tensor.numel() * tensor.element_size()


def embeddings_of(model: nn.Module) -> set[nn.Parameter]:
    """Parameters of embeddings, which some optimizers treat apart."""
    return {
        parameter
        for module in model.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
