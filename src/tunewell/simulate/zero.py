"""ZeRO 1 and 2 on one rank: whole weights, a part of the optimizer's states and of the gradients.

Follows DeepSpeed 0.19 (runtime/zero/stage_1_and_2.py) as the Hugging Face integration sets it up:
weights in 16 bits, masters and states in fp32, gradients exchanged through buckets while the
backward pass runs.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn

from tunewell.plan.step import Step
from tunewell.simulate.alone import Alone, trained
from tunewell.simulate.models import DTYPES
from tunewell.simulate.optimizers import create_over
from tunewell.simulate.passing import call_after_gradient
from tunewell.simulate.storages import Storages

FP32_BYTES = 4
FP64_BYTES = 8
"""Norms of gradients are taken in fp64, a tensor at a time."""
ALIGNMENT = 2
"""Elements to which each rank's part is aligned (nccl_start_alignment_factor)."""
MOMENTS = 2
"""Of DeepSpeed's own AdamW, which runs on the CPU when states are offloaded."""


class Zero(Alone):
    """What all stages share: the precision of the weights, the buckets, fp32 masters."""

    autocasts = False

    def __init__(self, step: Step, model: nn.Module, storages: Storages) -> None:
        super().__init__(step, model, storages)
        sharding = step.sharding
        assert sharding is not None  # noqa: S101  the caller's condition
        self.sharding = sharding
        self.ranks = sharding.ranks
        self.dtype = DTYPES[step.autocast or step.weights]
        self.bucket = sharding.reduce_bucket or self.hidden() ** 2
        self.master: nn.Parameter | None = None
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.data = parameter.data.to(self.dtype)
        if step.autocast is None and step.weights != "fp32":
            self.assumptions.append(
                "DeepSpeed was taken to be told bf16 or fp16, with fp32 masters of the weights."
            )

    @property
    def offloads(self) -> bool:
        """Whether the optimizer's states are in main memory."""
        return self.sharding.offload != "none"

    def hidden(self) -> int:
        """The hidden size that "auto" sizes follow."""
        config: Any = self.model.config
        for owner in (config, getattr(config, "text_config", None)):
            for name in ("hidden_size", "hidden_sizes"):
                value = getattr(owner, name, None)
                if value:
                    return int(max(value) if isinstance(value, (list, tuple)) else value)
        return 1024

    def make_master(self, count: int) -> None:
        """The fp32 masters of so many weights of this rank, updated in their place."""
        device = next(self.model.parameters()).device
        self.master = nn.Parameter(torch.empty(count, dtype=torch.float32, device=device))
        if self.offloads:
            # Masters, gradients and moments in fp32.
            self.host_bytes += (2 + MOMENTS) * FP32_BYTES * count
        else:
            self.storages.add(self.master, "fp32 masters", kind="optimizer")

    def optimizer(self) -> torch.optim.Optimizer:
        """Over the masters."""
        assert self.master is not None  # noqa: S101  weights are loaded first
        return create_over(self.step.optimizer, [self.master])

    def clip(self) -> None:
        """A part of the optimizer's step, of which it takes the norm first."""

    def step_masters(self, optimizer: torch.optim.Optimizer) -> None:
        """The optimizer's step, whose gradient is there already in fp32."""
        optimizer.step()
        self.say_states(optimizer)
        assert self.master is not None  # noqa: S101  as above
        self.master.grad = None

    def weigh(self, largest: int) -> None:
        """The norm of the gradients, which takes the largest one in fp64."""
        self.storages.pass_through(largest * FP64_BYTES, "norm of gradients in fp64")


class ZeroStates(Zero):
    """Stages 1 and 2.

    Stage 2 shares gradients out after every micro-batch, stage 1 after the last one: until then
    they stay whole.
    """

    def __init__(self, step: Step, model: nn.Module, storages: Storages) -> None:
        super().__init__(step, model, storages)
        self.second = self.sharding.strategy == "zero2"
        self.trained = trained(model)
        total = sum(parameter.numel() for parameter in self.trained)
        unit = ALIGNMENT * self.ranks
        self.part = -(-total // unit) * unit // self.ranks
        self.mine = self._fullest()
        self.own = sum(parameter.numel() for parameter in self.mine)
        self.filled = 0
        self.waiting: list[nn.Parameter] = []
        self.held: list[int] = []
        self.averaged: int | None = None
        self.earlier: int | None = None
        self.last = True
        for parameter in self.trained:
            call_after_gradient(parameter, self._arrived)

    def load(self) -> None:
        """One flat buffer of trained weights; the parameters are views of it."""
        storages = self.storages
        flat = self.part * self.ranks * self.dtype.itemsize
        storages.hold(flat, "flat weights", kind="weights")
        for parameter in self.trained:
            storages.leave_out(parameter)
        for tensor in itertools.chain(self.model.parameters(), self.model.buffers()):
            storages.add(tensor, "parameter", kind="weights")
        self.make_master(self.part)
        if self.offloads:
            largest = max(parameter.numel() for parameter in self.trained) * self.dtype.itemsize
            storages.hold(largest, "buffer for offloaded gradients", kind="gradients")
            self.host_bytes += largest + self.part * self.dtype.itemsize

    def before_forward(self, *, last: bool) -> None:
        """Note whether gradients are shared out after this micro-batch."""
        self.last = last

    def after_backward(self) -> None:
        """Reduce what is left in the buckets, and let go of them."""
        if not (self.second or self.last):
            super().after_backward()
            return
        for parameter in self.trained:
            # Without overlap stage 1 reduces nothing before the backward pass is over.
            if parameter.grad is not None:
                self._put(parameter)
        self._reduce()
        for number in self.held:
            self.storages.release(number)
        self.held.clear()
        if self.earlier is not None and self.averaged is not None:
            self.storages.release(self.averaged)
            self.averaged = None
        elif self.averaged is not None and not self.last:
            self.earlier, self.averaged = self.averaged, None
        if self.last and self.earlier is not None:
            self.averaged, self.earlier = self.earlier, None

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """This rank's gradients in one piece and in fp32, the step, the weights gathered."""
        weights = self.part * self.dtype.itemsize
        self.moved_bytes += weights * (self.ranks - 1) * self.times
        if self.offloads:
            self.crossing_bytes += weights * self.times
            return
        storages = self.storages
        self.weigh(max(parameter.numel() for parameter in self.mine))
        flat = storages.hold(weights, "gradients in one piece", kind="gradients")
        assert self.master is not None  # noqa: S101  weights are loaded first
        gradient = torch.empty_like(self.master)
        storages.release(flat)
        storages.say(gradient, "gradients")
        if self.averaged is not None:
            storages.release(self.averaged)
            self.averaged = None
        self.master.grad = gradient
        del gradient
        self.step_masters(optimizer)

    def forget_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Gradients of weights, whose optimizer holds others."""
        super().forget_gradients(optimizer)
        for parameter in self.trained:
            parameter.grad = None

    def _fullest(self) -> list[nn.Parameter]:
        """The weights that reach into a rank's part, of the rank for which these are most.

        A weight that crosses a border is whole on both sides.
        """
        inside: list[list[nn.Parameter]] = [[] for _ in range(self.ranks)]
        place = 0
        for parameter in self.trained:
            first, place = place // self.part, place + parameter.numel()
            for rank in range(first, (place - 1) // self.part + 1):
                inside[rank].append(parameter)
        return max(inside, key=lambda found: sum(parameter.numel() for parameter in found))

    def _arrived(self, parameter: torch.Tensor) -> None:
        self.storages.say(parameter.grad, "gradients")
        if (self.second or self.sharding.overlap) and (self.second or self.last):
            self._put(parameter)

    def _put(self, parameter: torch.Tensor) -> None:
        """Copy a gradient into the bucket; larger ones than it are exchanged where they are."""
        if not self.held:
            count = self.bucket * self.dtype.itemsize
            self.held = [
                self.storages.hold(count, "bucket of gradients", kind="gradients")
                for _ in range(1 + self.sharding.overlap)
            ]
        if self.filled + parameter.numel() > self.bucket:
            self._reduce()
        if parameter.numel() <= self.bucket:
            parameter.grad = None
        self.filled += parameter.numel()
        self.waiting.append(parameter)  # type: ignore[arg-type]  # hooks get the parameter as a tensor

    def _reduce(self) -> None:
        if not self.waiting:
            return
        storages = self.storages
        moved = self.filled * self.dtype.itemsize
        storages.pass_through(moved, "gradients in one piece")
        self.moved_bytes += 2 * moved * (self.ranks - 1) / self.ranks * self.times
        mine = set(self.mine)
        for parameter in self.waiting:
            if parameter in mine and self.offloads:
                self.crossing_bytes += parameter.numel() * self.dtype.itemsize * self.times
            elif parameter in mine and self.averaged is None:
                own = self.own * self.dtype.itemsize
                self.averaged = storages.hold(own, "this rank's gradients", kind="gradients")
            parameter.grad = None
        self.waiting.clear()
        self.filled = 0
