# ruff: noqa: ANN401  settings and torch's objects of any kind
"""DeepSpeed itself, on the CPU, with a process group without processes.

Tensors are real, collectives do nothing, and every storage is counted with the counter of the
simulation. Needs DeepSpeed, which the project does not: prints one line of JSON for each
configuration.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

os.environ.update(DS_ACCELERATOR="cpu", LOCAL_RANK="0", RANK="0", LOCAL_SIZE="1")

import deepspeed
import torch
import torch.distributed as dist
from torch import nn
from torch.testing._internal.distributed.fake_pg import FakeStore

from sharded.configurations import ZERO
from sharded.predicted import highest
from sharded.truth import Counted, materialised
from tunewell.plan.step import Step
from tunewell.simulate.models import build
from tunewell.simulate.reductions import Processors

WEIGHTS = 3
"""The stage that shares weights out."""


def settings(step: Step) -> dict[str, Any]:
    """The file that the Hugging Face integration would hand to DeepSpeed."""
    sharding = step.sharding
    assert sharding is not None  # noqa: S101  every configuration has one
    hidden = step.config["hidden_size"]
    stage = int(sharding.strategy[-1])
    zero: dict[str, Any] = {
        "stage": stage,
        "overlap_comm": sharding.overlap,
        "contiguous_gradients": True,
        "reduce_bucket_size": hidden * hidden,
    }
    if stage == WEIGHTS:
        zero["stage3_prefetch_bucket_size"] = int(0.9 * hidden * hidden)
        zero["stage3_param_persistence_threshold"] = 10 * hidden
    return {
        "train_micro_batch_size_per_gpu": step.batch,
        "gradient_accumulation_steps": step.accumulation,
        "bf16": {"enabled": step.autocast == "bf16"},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": 1.0,
        "steps_per_print": 10**9,
    }


def measure(step: Step) -> tuple[int, int]:
    """Bytes asked for at the peak and after three steps on rank 0 of DeepSpeed."""
    sharding = step.sharding
    assert sharding is not None  # noqa: S101  every configuration has one
    store: Any = FakeStore()
    os.environ["WORLD_SIZE"] = str(sharding.ranks)
    dist.init_process_group("fake", store=store, rank=0, world_size=sharding.ranks)
    model: nn.Module = build(step, [])
    materialised(model)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-4, foreach=True
    )
    engine = deepspeed.initialize(model=model, optimizer=optimizer, config=settings(step))[0]
    del model, optimizer
    counted = Counted(Processors(108, 2048))
    # The first step makes the states, and stage 3 records the order of the modules in it.
    _step(engine, step)
    gc.collect()
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor):
            counted.add(thing, "there")
    with counted:
        for _ in range(2):
            _step(engine, step)
    gc.collect()
    return highest(counted.events), counted.live


def _step(engine: Any, step: Step) -> None:
    for _ in range(step.accumulation):
        batch = {
            name: torch.ones(step.batch, step.length, dtype=torch.int64)
            for name in ("input_ids", "attention_mask", "labels")
        }
        outputs = engine(**batch)
        loss = outputs.loss
        del outputs
        engine.backward(loss)
        del loss
        engine.step()


if __name__ == "__main__":
    torch.set_num_threads(1)
    # The kernel for shared memory would be compiled; collectives do nothing here anyway.
    sys.modules["deepspeed.comm.torch"].build_shm_op = lambda: None  # type: ignore[attr-defined]
    name = sys.argv[1]
    most, after = measure(ZERO[name])
    sys.stdout.write(json.dumps({"name": name, "peak": most, "steady": after}) + "\n")
