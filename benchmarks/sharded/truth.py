# ruff: noqa: ANN401, SLF001  torch's insides have no types and no public names
"""FSDP 2 itself, on tensors without storage and a process group without processes.

`fully_shard` as accelerate calls it runs two whole training steps of any world size in one process.
Every storage is counted with the counter of the simulation; what is true here is when PyTorch's own
FSDP asks for memory and gives it back.
"""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from accelerate.utils import FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_model
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.testing._internal.distributed.fake_pg import FakeStore
from torch.utils._pytree import tree_leaves
from transformers import masking_utils

from sharded.predicted import highest
from tunewell.plan.step import Step
from tunewell.simulate.attention import Kernels
from tunewell.simulate.cuda import Cuda
from tunewell.simulate.models import build
from tunewell.simulate.reductions import Processors
from tunewell.simulate.storages import Birth, Storages


class Counted(Storages):
    """Storages of fake tensors, of DTensors by their local part, and resized ones."""

    def add(self, tensor: object, operation: str, *, kind: str | None = None) -> None:
        """Count a tensor's storage, unless it is counted already."""
        if isinstance(tensor, DTensor):
            tensor = tensor._local_tensor
        if not isinstance(tensor, torch.Tensor) or tensor.device.type != "cpu":
            return
        self.count(tensor.untyped_storage(), operation, kind=kind)

    def count(self, storage: Any, operation: str, *, kind: str | None = None) -> None:
        """Count a storage, unless it is counted already."""
        key = storage._cdata
        size = storage.nbytes()
        if key in self._alive or not size:
            return
        number = self._born(Birth(operation, self.phase, self.module, size, kind=kind))
        self._alive[key] = (number, size)
        self._watched[key] = weakref.ref(storage, functools.partial(self._died, key))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operation, and count what it made."""
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            self.add(leaf, func._schema.name)
        return out


def measure(step: Step) -> tuple[int, int]:
    """Bytes allocated at the peak and after two steps on rank 0 of FSDP 2."""
    sharding = step.sharding
    assert sharding is not None  # noqa: S101  every configuration has one
    store: Any = FakeStore()
    dist.init_process_group("fake", store=store, rank=0, world_size=sharding.ranks)
    try:
        shape = (sharding.ranks,)
        names: tuple[str, ...] = ("shard",)
        if sharding.strategy == "fsdp-hybrid":
            shape, names = (sharding.nodes, sharding.shards), ("copy", "shard")
        mesh = init_device_mesh("cpu", shape, mesh_dim_names=names)
        counted = Counted(Processors(108, 2048))
        with FakeTensorMode(allow_non_fake_inputs=True), resized(counted), _nothing_masked():
            model = prepared(step, mesh)
            steady = train(step, model, counted)
        return highest(counted.events), steady
    finally:
        dist.destroy_process_group()


def prepared(step: Step, mesh: Any) -> Any:
    """The model of a step under FSDP 2, as accelerate makes it."""
    model: Any = build(step, [])
    materialised(model)
    if step.checkpointing:
        base = model.get_base_model() if step.adapter is not None else model
        base.gradient_checkpointing_enable({"use_reentrant": False})
        if step.adapter is not None:
            base.enable_input_require_grads()
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2,
        auto_wrap_policy="transformer_based_wrap",
        cpu_ram_efficient_loading=False,
        reshard_after_forward=True,
    )
    if step.autocast is not None:
        plugin.set_mixed_precision(step.autocast)
    plugin.set_auto_wrap_policy(model)
    accelerator = SimpleNamespace(
        state=SimpleNamespace(fsdp_plugin=plugin),
        torch_device_mesh={("all",): mesh},
        parallelism_config=SimpleNamespace(fsdp_dim_names=("all",)),
        mixed_precision=step.autocast or "no",
        is_main_process=False,
        device=torch.device("cpu"),
    )
    return fsdp2_prepare_model(accelerator, model)


def materialised(model: nn.Module) -> None:
    """Put tensors of the CPU in the place of those on the meta device; tied ones stay tied.

    Where tensors are real, values are such that a step is not skipped for infinite gradients.
    """
    fresh: dict[torch.Tensor, torch.Tensor] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter not in fresh:
                fresh[parameter] = nn.Parameter(
                    torch.full(parameter.shape, 0.01, dtype=parameter.dtype, device="cpu"),
                    requires_grad=parameter.requires_grad,
                )
            module._parameters[name] = fresh[parameter]  # type: ignore[assignment]
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = torch.ones(buffer.shape, dtype=buffer.dtype, device="cpu")


def train(step: Step, model: Any, counted: Counted) -> int:
    """Two steps as the Trainer makes them; the answer is the bytes that are left."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, foreach=True)
    gc.collect()
    for tensor in (*model.parameters(), *model.buffers()):
        counted.add(tensor, "parameter")
    # Whether a mask leaves everything in cannot be asked of fake tensors.
    fused = step.attention == "sdpa"
    names = ("input_ids", "labels") if fused else ("input_ids", "attention_mask", "labels")
    kernels = Cuda(Kernels(capability=80, version=(2, 13)), autocast=None, padded=False)
    with counted, kernels:
        for _ in range(2):
            batches = [
                {name: torch.ones(step.batch, step.length, dtype=torch.int64) for name in names}
                for _ in range(2 if step.accumulation == 1 else 3)
            ]
            for part in range(min(step.accumulation, 2)):
                last = part == min(step.accumulation, 2) - 1
                model.set_requires_gradient_sync(last)
                outputs = model(**batches[0])
                loss = outputs.loss
                del outputs
                if step.accumulation > 1:
                    loss = loss / step.accumulation
                loss.backward()
                del loss
            if step.clipping:
                nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            del batches
        gc.collect()
        return counted.live


def _never(*_: object) -> None:
    """No; a mock would keep the tensors alive that it is called with."""


@contextmanager
def _nothing_masked() -> Iterator[None]:
    """Let transformers leave the mask out, which it makes whenever tensors are fake."""
    with (
        mock.patch.object(masking_utils, "is_tracing", _never),
        mock.patch.object(masking_utils, "find_packed_sequence_indices", _never),
    ):
        yield


def resized(counted: Counted) -> Any:
    """Storages that FSDP resizes to nothing and back."""
    plain = torch.UntypedStorage.resize_

    def resize(storage: Any, size: int) -> Any:
        key = storage._cdata
        if key in counted._alive:
            counted._died(key, None)
        answer = plain(storage, size)
        counted.count(storage, "resized")
        return answer

    return mock.patch.object(torch.UntypedStorage, "resize_", resize)
