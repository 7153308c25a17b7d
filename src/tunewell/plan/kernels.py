"""Seconds of a step's kernels on a GPU, from their number and size and what the GPU reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tunewell.knowledge.efficiencies import Efficiency
from tunewell.knowledge.gpus import Gpu
from tunewell.plan.simulated import Work

TERA, GIGA = 1e12, 1e9
STAGES = (("forward",), ("recompute", "backward"), ("optimizer",))
"""What follows one another: a checkpoint's layers are computed again within the backward pass."""


LAUNCHES = {
    "forward": "forward_launch",
    "recompute": "recompute_launch",
    "backward": "backward_launch",
    "optimizer": "optimizer_launch",
}
"""Which of `Efficiency`'s figures is the host's in each phase."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the device's work, of the host's, and until both are done."""

    device: float
    host: float
    whole: float


def seconds_of(work: Iterable[Work], gpu: Gpu, reached: Efficiency) -> Spent:
    """Seconds of the kernels of one step, phase after phase.

    The host runs ahead of the device and never behind it: a phase ends when its last kernel was
    both launched and run. What the host gains in one phase it has in hand in the next.
    """
    host = device = done = 0.0
    rows = tuple(work)
    for stage in STAGES:
        own = [each for each in rows if each.phase in stage]
        host += sum(each.kernels * launch_seconds(each, reached) for each in own)
        spent = sum(on_device(each, gpu, reached) for each in own)
        device += spent
        done = max(done + spent, host)
    return Spent(device=device, host=host, whole=done)


def launch_seconds(work: Work, reached: Efficiency) -> float:
    """Seconds that the host takes for one of these kernels."""
    if work.unit == "packing":
        return reached.packing_launch
    return float(getattr(reached, LAUNCHES[work.phase]))


def on_device(work: Work, gpu: Gpu, reached: Efficiency) -> float:
    """Seconds that the GPU spends on kernels of one size.

    A kernel waits for its arithmetic or for the memory, whichever takes longer, and no kernel is
    faster than the smallest.
    """
    arithmetic = work.operations / rate(work, gpu, reached) if work.operations else 0.0
    share = reached.optimizer_bandwidth if work.phase == "optimizer" else reached.bandwidth
    traffic = work.bytes / (gpu.bandwidth_gb_s * GIGA * share)
    return max(arithmetic, traffic) + work.kernels * reached.kernel_seconds


def rate(work: Work, gpu: Gpu, reached: Efficiency) -> float:
    """Operations a second.

    fp32 runs on the fp32 units, as PyTorch has it for products of matrices unless TF32 is asked
    for; its convolutions use TF32 where there is any. A GPU without bf16 emulates it in fp32. Eight
    bits are taken to be as fast as sixteen: bitsandbytes packs and unpacks around each product.
    """
    half = work.precision in {"fp16", "int8"} or (work.precision == "bf16" and gpu.bf16)
    if work.unit == "convolution":
        peak = gpu.tflops_16 if half else gpu.tflops_tf32 or gpu.tflops_32
        return peak * TERA * reached.convolution
    if work.unit == "attention":
        if half:
            return gpu.tflops_16 * TERA * reached.attention_16
        return gpu.tflops_32 * TERA * reached.attention_32
    if half:
        share = reached.unaligned_16 if work.unit == "unaligned" else reached.matrix_16
        return gpu.tflops_16 * TERA * share
    return gpu.tflops_32 * TERA * reached.matrix_32
