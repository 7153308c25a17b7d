"""What share of a GPU's peaks training steps reach, from the table beside this file.

`benchmarks/step_time.py` fits the table on measured steps and writes it; nobody edits it by hand.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

import msgspec

TABLE = Path(__file__).with_suffix(".toml")


class Efficiency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one GPU in one kind of machine.

    Shares of the peaks in `knowledge.gpus`: products of matrices in 16 bits, those whose rows
    tensor cores cannot read well, and those in fp32; convolutions; fused attention in 16 bits and
    in fp32; the memory's bandwidth, and that in the optimizer, whose kernels read long lists of
    tensors from end to end. Seconds: the least that a kernel takes on the GPU, and what the
    host takes to launch one in each phase: most of it is Python, which the backward pass has least
    of, and what a checkpoint computes again, with its hooks on every saved tensor, most. Packing
    and unpacking weights, in bitsandbytes, has its own.

    `low` and `high` are what the predicted time of a step is multiplied by for a range that holds
    nine of ten measured ones of models that were left out of the fit.
    """

    gpu: str
    matrix_16: float
    unaligned_16: float
    matrix_32: float
    convolution: float
    attention_16: float
    attention_32: float
    bandwidth: float
    optimizer_bandwidth: float
    kernel_seconds: float
    forward_launch: float
    recompute_launch: float
    backward_launch: float
    optimizer_launch: float
    packing_launch: float
    low: float
    high: float
    runs: int
    models: int
    mean_error_percent: float
    command: str

    def with_host_of(self, other: Efficiency, *, times: float = 1.0) -> Efficiency:
        """This GPU in the machine of another one, whose host takes so many times as long."""
        return msgspec.structs.replace(
            self,
            forward_launch=other.forward_launch * times,
            recompute_launch=other.recompute_launch * times,
            backward_launch=other.backward_launch * times,
            optimizer_launch=other.optimizer_launch * times,
            packing_launch=other.packing_launch * times,
        )


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    measured: tuple[Efficiency, ...]


@functools.cache
def measured() -> tuple[Efficiency, ...]:
    """Every GPU on which steps were measured."""
    return msgspec.convert(tomllib.loads(TABLE.read_text(encoding="utf-8")), _Table).measured
