"""What one rank of several holds, by how they share the model out.

The step is that of rank 0, whose part is the largest one. What NCCL holds is outside PyTorch's
allocator, as the driver's context is: see `tunewell.plan.sharding.NCCL_BYTES`.
"""

from __future__ import annotations

from torch import nn

from tunewell.plan.step import Step
from tunewell.simulate.alone import Alone
from tunewell.simulate.fsdp import Fsdp
from tunewell.simulate.replicas import Replicated
from tunewell.simulate.storages import Storages
from tunewell.simulate.zero import ZeroStates
from tunewell.simulate.zero_weights import ZeroWeights

KINDS: dict[str, type[Alone]] = {
    "ddp": Replicated,
    "zero1": ZeroStates,
    "zero2": ZeroStates,
    "zero3": ZeroWeights,
    "fsdp": Fsdp,
    "fsdp-hybrid": Fsdp,
}


def ranks_of(step: Step, model: nn.Module, storages: Storages) -> Alone:
    """How this process holds its model."""
    if step.sharding is None:
        return Alone(step, model, storages)
    return KINDS[step.sharding.strategy](step, model, storages)
