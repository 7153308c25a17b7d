# ruff: noqa: ANN401  settings and torch's objects of any kind
"""DDP and FSDP 2 on the CPU in two real processes with real tensors.

Started by `torchrun --nproc-per-node 2`; rank 0 prints one line of JSON. DDP's memory is from
PyTorch's own profiler, which sees every request to the C++ allocator, DDP's buckets among them.
"""

from __future__ import annotations

import gc
import json
import sys
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.nn.parallel import DistributedDataParallel
from torch.profiler import ProfilerActivity, profile

from sharded.configurations import GLOO
from sharded.predicted import highest
from sharded.truth import Counted, materialised, prepared, resized, train
from tunewell.plan.step import Step
from tunewell.simulate.models import build
from tunewell.simulate.reductions import Processors


def measure(step: Step) -> int:
    """The most bytes at once in two steps on this rank."""
    sharding = step.sharding
    assert sharding is not None  # noqa: S101  every configuration has one
    if sharding.strategy != "ddp":
        return _counted(step, sharding.ranks)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        model: Any = build(step, [])
        materialised(model)
        model = DistributedDataParallel(model)
        trained = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-4, foreach=True)
        gc.collect()
        for _ in range(2):
            _step(model, optimizer, trained, step)
    now = most = 0
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most


def _counted(step: Step, ranks: int) -> int:
    """FSDP 2 by the counter of operators, which does not see gloo's own copies."""
    counted = Counted(Processors(108, 2048))
    with resized(counted):
        model = prepared(step, init_device_mesh("cpu", (ranks,)))
        train(step, model, counted)
    return highest(counted.events)


def _step(model: Any, optimizer: Any, trained: list[nn.Parameter], step: Step) -> None:
    batches = [
        {
            name: torch.ones(step.batch, step.length, dtype=torch.int64)
            for name in ("input_ids", "attention_mask", "labels")
        }
        for _ in range(2)
    ]
    outputs = model(**batches[0])
    loss = outputs.loss
    del outputs
    loss.backward()
    del loss
    nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    name = sys.argv[1]
    most = measure(GLOO[name])
    if dist.get_rank() == 0:
        sys.stdout.write(json.dumps({"name": name, "peak": most}) + "\n")
    dist.destroy_process_group()
