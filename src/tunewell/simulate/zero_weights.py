"""ZeRO 3 on one rank: weights are gathered for the module that needs them.

Follows DeepSpeed 0.19 (runtime/zero/stage3.py and partitioned_param_coordinator.py). The first
step records the order of modules; from the second on weights that are needed again soon are kept,
and those needed next are gathered ahead.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tunewell.plan.step import Step
from tunewell.simulate.passing import call_after_gradient, tell_before, tell_when_back
from tunewell.simulate.storages import Storages
from tunewell.simulate.zero import Zero

REUSE = 1_000_000_000
"""Weights needed again within so many are kept (stage3_max_reuse_distance)."""
SUBGROUP = 1_000_000_000
"""Weights that the optimizer updates at a time (sub_group_size)."""
NORM_PART = 250_000_000
"""Gradients whose norm is taken at a time."""


class ZeroWeights(Zero):
    """Stage 3."""

    def __init__(self, step: Step, model: nn.Module, storages: Storages) -> None:
        super().__init__(step, model, storages)
        hidden = self.hidden()
        sharding = self.sharding
        self.ahead = sharding.prefetch_bucket
        if self.ahead is None:
            self.ahead = int(0.9 * hidden * hidden)
        threshold = sharding.persistence if sharding.persistence is not None else 10 * hidden
        self.shared = [p for p in model.parameters() if p.is_floating_point()]
        self.kept = {p for p in self.shared if p.numel() <= threshold}
        self.gathered: dict[nn.Parameter, int] = {}
        self.modules: list[nn.Module] = []
        self.recorded: list[nn.Module] = []
        self.place = 0
        self.filled = 0
        self.waiting: list[nn.Parameter] = []
        for module in model.modules():
            if any(p.is_floating_point() for p in module.parameters(recurse=False)):
                self._hook(module)
        for parameter in self.shared:
            if parameter.requires_grad:
                call_after_gradient(parameter, self._arrived)

    def load(self) -> None:
        """Parts of all weights, masters, parts of gradients and a bucket."""
        storages = self.storages
        width = self.dtype.itemsize
        parts = sum(self._part(parameter) for parameter in self.shared)
        own = sum(self._part(p) for p in self.shared if p.requires_grad)
        if self.sharding.offload == "parameters":
            self.host_bytes += parts * width
        else:
            storages.hold(parts * width, "parts of weights", kind="weights")
        for parameter in self.shared:
            storages.leave_out(parameter)
        for tensor in (*self.model.parameters(), *self.model.buffers()):
            storages.add(tensor, "parameter", kind="weights")
        self.make_master(own)
        storages.hold(self.bucket * width, "bucket of gradients", kind="gradients")
        if self.offloads:
            self.host_bytes += own * width
        else:
            storages.hold(own * width, "parts of gradients", kind="gradients")

    def before_forward(self, *, last: bool) -> None:  # noqa: ARG002  gradients are shared out at once
        """Begin to follow, or to record, the order of the modules."""
        self.place = 0
        self.recorded = []

    def after_backward(self) -> None:
        """Reduce what is left, and let go of what is gathered."""
        self._reduce()
        for parameter in list(self.gathered):
            if parameter not in self.kept:
                self._let_go(parameter)
        self.modules = self.recorded

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """A group of weights at a time, its gradients in fp32."""
        for parameter in list(self.gathered):
            self._let_go(parameter)
        own = self.master.numel() if self.master is not None else 0
        if self.offloads:
            self.crossing_bytes += own * self.dtype.itemsize * self.times
        else:
            self.weigh(min(NORM_PART, max(self._part(p) for p in self.shared)))
            self._update_groups(optimizer, own)
        for parameter in self.kept:
            self._gather([parameter])

    def _update_groups(self, optimizer: torch.optim.Optimizer, own: int) -> None:
        assert self.master is not None  # noqa: S101  weights are loaded first
        if own <= SUBGROUP or self.master not in optimizer.state:
            self.master.grad = torch.empty_like(self.master)
            self.storages.say(self.master.grad, "gradients")
            self.step_masters(optimizer)
            return
        # Groups after the first take no more than it: one group's gradients and temporaries.
        share = SUBGROUP * self.master.element_size()
        gradient = self.storages.hold(share, "gradients in fp32", kind="gradients")
        if self.step.optimizer in {"adamw_torch", "adamw", "adamw_hf"}:
            self.storages.pass_through(share, "temporaries of the optimizer")
        self.storages.release(gradient)

    def forget_gradients(self, optimizer: torch.optim.Optimizer) -> None:
        """Gradients of weights, whose optimizer holds others."""
        super().forget_gradients(optimizer)
        for parameter in self.shared:
            parameter.grad = None

    def _part(self, parameter: nn.Parameter) -> int:
        return -(-parameter.numel() // self.ranks)

    def _hook(self, module: nn.Module) -> None:
        module.register_forward_pre_hook(self._enter, prepend=True, with_kwargs=True)
        module.register_forward_hook(self._leave)

    def _own(self, module: nn.Module) -> list[nn.Parameter]:
        return [p for p in module.parameters(recurse=False) if p.is_floating_point()]

    def _enter(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        self._fetch(module)
        if not torch.is_grad_enabled():
            return args, kwargs
        return tell_when_back(args, kwargs, lambda: self._leave_behind(module))

    def _leave(self, module: nn.Module, _: object, output: Any) -> None:  # noqa: ANN401  a module's output
        self._leave_behind(module)
        if torch.is_grad_enabled():
            tell_before(output, lambda: self._fetch(module))

    def _fetch(self, module: nn.Module) -> None:
        """Gather what the module needs, and perhaps what the next ones do."""
        self.recorded.append(module)
        self.place += 1
        self._gather([p for p in self._own(module) if p not in self.gathered])
        ahead = 0
        for following in self.modules[self.place :]:
            wanted = [p for p in self._own(following) if p not in self.gathered]
            ahead += sum(p.numel() for p in wanted)
            if ahead > (self.ahead or 0):
                break
            self._gather(wanted)

    def _gather(self, parameters: list[nn.Parameter]) -> None:
        if not parameters:
            return
        width = self.dtype.itemsize
        parts = sum(self._part(parameter) for parameter in parameters) * width
        flat = None
        if len(parameters) > 1:
            flat = self.storages.hold(parts * self.ranks, "gathered weights", kind="weights")
        for parameter in parameters:
            self.gathered[parameter] = self.storages.hold(
                self._part(parameter) * self.ranks * width, "gathered weights", kind="weights"
            )
        if flat is not None:
            self.storages.release(flat)
        self.moved_bytes += parts * (self.ranks - 1) * self.times
        if self.sharding.offload == "parameters":
            self.crossing_bytes += parts * self.times

    def _let_go(self, parameter: nn.Parameter) -> None:
        self.storages.release(self.gathered.pop(parameter))

    def _leave_behind(self, module: nn.Module) -> None:
        """Let go of a module's weights, but for small ones and those needed again soon."""
        leaving = {p for p in self._own(module) if p not in self.kept and p in self.gathered}
        passed = 0
        for following in self.modules[self.place :]:
            if passed >= REUSE or not leaving:
                break
            for parameter in self._own(following):
                leaving.discard(parameter)
                passed += parameter.numel()
        for parameter in leaving:
            self._let_go(parameter)

    def _arrived(self, parameter: torch.Tensor) -> None:
        self.storages.say(parameter.grad, "gradients")
        if self.filled + parameter.numel() > self.bucket:
            self._reduce()
        if self.filled + parameter.numel() <= self.bucket:
            parameter.grad = None
        self.filled += parameter.numel()
        self.waiting.append(parameter)  # type: ignore[arg-type]  # hooks get the parameter as a tensor

    def _reduce(self) -> None:
        """Share out the gradients of the bucket: a copy of all, in the order of the ranks."""
        if not self.waiting:
            return
        parts = sum(self._part(parameter) for parameter in self.waiting) * self.dtype.itemsize
        self.storages.pass_through(parts * self.ranks, "gradients to share out")
        self.moved_bytes += parts * (self.ranks - 1) * self.times
        if self.offloads:
            self.crossing_bytes += parts * self.times
        for parameter in self.waiting:
            parameter.grad = None
        self.waiting.clear()
        self.filled = 0
