"""FSDP 2 on one rank: when weights are gathered and let go of, and gradients shared out.

The order of requests is that of PyTorch 2.13 (torch/distributed/fsdp/_fully_shard), in which a
buffer lives as long as something refers to it, whatever stream it is used on. Modules, hooks and
autograd are the real ones; gathered weights are memory that is held for them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from tunewell.plan.step import Step
from tunewell.simulate.alone import Alone, embeddings_of, size
from tunewell.simulate.models import DTYPES
from tunewell.simulate.optimizers import create_over
from tunewell.simulate.passing import tell_before, tell_when_back
from tunewell.simulate.quantised import Packed
from tunewell.simulate.storages import Storages
from tunewell.simulate.units import Part, State, Unit, own_parameters, part_of, units_of


class Fsdp(Alone):
    """Fully sharded: weights, gradients and states of a rank are its part of the rows.

    With mixed precision trained weights are kept in fp32, as accelerate makes them, and gathered,
    computed and reduced in 16 bits. Hybrid sharding also adds gradients up between machines.
    """

    autocasts = False

    def __init__(self, step: Step, model: nn.Module, storages: Storages) -> None:
        super().__init__(step, model, storages)
        sharding = step.sharding
        assert sharding is not None  # noqa: S101  the caller's condition
        self.ranks = sharding.shards
        self.copies = sharding.ranks // self.ranks
        self.offloads = sharding.offload == "parameters"
        self.compute = DTYPES[step.autocast] if step.autocast is not None else None
        self.units = units_of(model)
        self.order: list[Unit] = []
        self.kept: int | None = None
        self.reduced: int | None = None
        self.summed: list[torch.Tensor] = []
        self.shares = True
        self._divide()
        for unit in self.units:
            self._hook(unit)

    @property
    def parts(self) -> list[Part]:
        """Every weight that is shared out."""
        return [part for unit in self.units for part in unit.parts]

    def load(self) -> None:
        """Each rank gets its part; what is packed is not shared out."""
        storages = self.storages
        held = {id(part.whole) for part in self.parts}
        for part in self.parts:
            if self.offloads:
                self.host_bytes += size(part.shard)
            else:
                storages.add(part.shard, "parameter's shard", kind="weights")
        for name, module in self.model.named_modules():
            with storages.inside(name):
                for parameter in module.parameters(recurse=False):
                    if id(parameter) not in held:
                        storages.add(parameter, "parameter", kind="weights")
                for buffer in module.buffers(recurse=False):
                    storages.add(buffer, "buffer", kind="weights")

    def optimizer(self) -> torch.optim.Optimizer:
        """Over the parts; in main memory where these are."""
        embeddings = embeddings_of(self.model)
        shards = [part.shard for part in self.parts if part.shard.requires_grad]
        optimizer = create_over(
            self.step.optimizer,
            shards,
            frozenset(part.shard for part in self.parts if part.whole in embeddings),
        )
        if self.offloads:
            # Gradients are the parts' own precision, and the CPU's optimizer keeps two moments.
            self.host_bytes += 3 * sum(size(shard) for shard in shards)
        return optimizer

    def before_forward(self, *, last: bool) -> None:
        """Gradients are shared out after the last micro-batch only: accelerate's `no_sync`."""
        self.shares = last
        if last:
            self.order.clear()

    def after_backward(self) -> None:
        """What PyTorch does at the end of the backward pass."""
        for unit in reversed(self.units):
            if unit.state is not State.DONE:
                self._share_out(unit)
            unit.state = State.IDLE
            unit.places.clear()
            if unit.arrived is not None:
                self._release(unit)
        self.order.clear()
        if self.shares:
            self._forget_reduced()
            self.summed.clear()

    def clip(self) -> None:
        """Clip the parts' gradients; in main memory where these are."""
        if not self.offloads:
            self.clip_those([part.shard for part in self.parts])

    def update(self, optimizer: torch.optim.Optimizer) -> None:
        """On the parts, or in main memory."""
        if not self.offloads:
            super().update(optimizer)

    def _divide(self) -> None:
        packed = any(isinstance(module, Packed) for module in self.model.modules())
        for unit, parameters in zip(self.units, own_parameters(self.units), strict=True):
            for parameter in parameters:
                if not parameter.is_floating_point():
                    continue
                kept = parameter.dtype
                if self.compute is not None and parameter.requires_grad and not packed:
                    kept = torch.float32
                unit.parts.append(part_of(parameter, self.ranks, kept))
                if self.compute is not None:
                    parameter.data = parameter.data.to(self.compute)
                self.storages.leave_out(parameter)

    def _hook(self, unit: Unit) -> None:
        for module in unit.modules:
            module.register_forward_pre_hook(
                lambda _, args, kwargs, unit=unit: self._enter(unit, args, kwargs),
                prepend=True,
                with_kwargs=True,
            )
            module.register_forward_hook(
                lambda module, _, output, unit=unit: self._leave(unit, module, output)
            )

    def _enter(
        self, unit: Unit, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = self._cast(args), self._cast(kwargs)
        if unit.state is State.BACKWARD:
            self._gather(unit, forward=False)
            return args, kwargs
        begins = unit.state is not State.FORWARD
        unit.state = State.FORWARD
        if not unit.waiting:
            unit.waiting.update(unit.modules)
        self._gather(unit, forward=True)
        if begins and torch.is_grad_enabled():
            args, kwargs = tell_when_back(args, kwargs, lambda: self._share_out(unit))
        return args, kwargs

    def _leave(self, unit: Unit, module: nn.Module, output: Any) -> Any:  # noqa: ANN401  a module's output
        if unit.state is State.BACKWARD:
            return output
        unit.waiting.discard(module)
        if unit.waiting:
            return output
        if unit.reshard:
            self._let_go(unit)
        if unit.parts:
            unit.places.append(len(self.order))
            self.order.append(unit)
        unit.state = State.IDLE
        if torch.is_grad_enabled():
            tell_before(output, lambda: self._go_back(unit))
        if unit is self.units[-1]:
            self._forget_kept()
        return output

    def _cast(self, values: Any) -> Any:  # noqa: ANN401  a module's arguments
        compute = self.compute
        if compute is None:
            return values
        return tree_map(
            lambda value: (
                value.to(compute)
                if isinstance(value, torch.Tensor) and value.is_floating_point()
                else value
            ),
            values,
        )

    def _go_back(self, unit: Unit) -> None:
        if unit.state is State.BACKWARD:
            return
        unit.state = State.BACKWARD
        self._gather(unit, forward=False)
        place = unit.places.pop() if unit.places else 0
        if place > 0:
            # The unit that the backward pass needs next is asked for while this one computes.
            self._ask(self.order[place - 1])

    def _gather(self, unit: Unit, *, forward: bool) -> None:
        if unit.gathered is not None or not unit.parts:
            return
        self._ask(unit)
        if self.offloads:
            self.crossing_bytes += sum(size(part.shard) for part in unit.parts) * self.times
        if forward:
            self._forget_kept()
        unit.gathered = []
        for part in unit.parts:
            dtype = self.compute or part.whole.dtype
            changed = self.ranks == 1 and dtype != part.shard.dtype
            cast = self._hold(part.padded * dtype.itemsize) if changed else None
            unit.gathered.append(self._hold(part.padded * dtype.itemsize))
            if cast is not None:
                self.storages.release(cast)
        if forward and self.ranks > 1:
            self.kept = unit.arrived
            unit.arrived = None
        else:
            self._release(unit)

    def _ask(self, unit: Unit) -> None:
        """Gather the parts of all ranks into one buffer."""
        if self.ranks == 1 or unit.gathered is not None or unit.arrived is not None:
            return
        sizes = [
            part.shard.numel() * (self.compute or part.shard.dtype).itemsize for part in unit.parts
        ]
        mine = sum(sizes)
        own = self._hold(mine) if self.compute is not None or self.offloads else None
        unit.arrived = self._hold(mine * self.ranks)
        if own is not None:
            self.storages.release(own)
        self.moved_bytes += (mine * (self.ranks - 1)) * self.times

    def _hold(self, count: int) -> int:
        return self.storages.hold(count, "gathered weights", kind="weights")

    def _release(self, unit: Unit) -> None:
        if unit.arrived is not None:
            self.storages.release(unit.arrived)
            unit.arrived = None

    def _let_go(self, unit: Unit) -> None:
        for number in unit.gathered or ():
            self.storages.release(number)
        unit.gathered = None

    def _forget_kept(self) -> None:
        if self.kept is not None:
            self.storages.release(self.kept)
            self.kept = None

    def _forget_reduced(self) -> None:
        if self.reduced is not None:
            self.storages.release(self.reduced)
            self.reduced = None

    def _share_out(self, unit: Unit) -> None:
        """Reduce the gradients of a unit, and let go of its weights."""
        unit.state = State.DONE
        found = [part for part in unit.parts if self._whole_gradient(part) is not None]
        self._let_go(unit)
        if not self.shares:
            return
        self._forget_reduced()
        if not found:
            return
        dtype = self.compute or found[0].whole.dtype
        total = sum(part.padded for part in found)
        self.reduced = self.storages.hold(
            total * dtype.itemsize, "gradients to share out", kind="gradients"
        )
        for part in found:
            part.whole.grad = None
        flat = torch.empty(total // self.ranks, dtype=dtype, device=found[0].shard.device)
        self.storages.say(flat, "gradients")
        self.moved_bytes += (size(flat) * (self.ranks - 1)) * self.times
        if self.copies > 1:
            self.moved_bytes += (2 * size(flat) * (self.copies - 1) / self.copies) * self.times
            self.summed.append(flat)
        mine = flat.to(found[0].shard.dtype)
        self.storages.say(mine, "gradients")
        if self.offloads:
            self.crossing_bytes += (size(mine)) * self.times
            return
        place = 0
        for part in found:
            count = part.shard.numel()
            part.shard.grad = mine[place : place + count].view(part.shard.shape)
            place += count

    def _whole_gradient(self, part: Part) -> torch.Tensor | None:
        """The gradient so far of the optimizer step."""
        gradient = part.whole.grad
        self.storages.say(gradient, "gradients")
        return gradient
