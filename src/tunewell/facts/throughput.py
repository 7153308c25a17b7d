"""How fast a run goes, how full its GPU is, and what of the GPU's peak that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.memo import fact
from tunewell.knowledge import gpus
from tunewell.subjects.machine import Machine
from tunewell.subjects.trace import Trace

WARM = 3
"""Steps at the beginning that are no measure."""

TRAINED, FROZEN = 6.0, 4.0
"""Operations a parameter and token (Kaplan et al. 2020): 2 forward, 2 for the gradient of what goes
in, and 2 for the gradient of the weight, which a frozen one does not need."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Tokens a second of one process, padding included and without.

    `operations` are those a second that the model's parameters ask for; what checkpointing computes
    twice and attention between tokens are not in them. `share_of_peak` is that over the GPU's dense
    peak in the precision that the run computes in, known as model FLOPs utilisation; None where
    GPU, model or precision are not known. `definition` says it in a sentence.
    """

    tokens: float
    useful_tokens: float | None
    operations: float | None = None
    share_of_peak: float | None = None
    definition: str = ""


@fact
def throughput(trace: Trace) -> Throughput | None:
    """The rate over all steps after the first, waits for data among them; None where not timed."""
    steps, seconds, tokens = timed_tokens(trace)
    if not len(steps):
        return None
    rate = float(tokens.sum() / seconds.sum())
    attended = trace.column("attended_tokens").finite
    useful = None
    if len(attended):
        given = trace.column("input_tokens").finite.values.sum()
        useful = rate * float(attended.values.sum() / given)
    if not trace.parameters or trace.trainable is None:
        return Throughput(rate, useful)
    frozen = trace.parameters - trace.trainable
    operations = rate * (TRAINED * trace.trainable + FROZEN * frozen)
    gpu = gpus.find(trace.gpu_name) if trace.gpu_name else None
    short = computes_in_16_bits(trace)
    if gpu is None or short is None:
        return Throughput(rate, useful, operations)
    peak = (gpu.tflops_16 if short else gpu.tflops_32) * 1e12
    return Throughput(
        tokens=rate,
        useful_tokens=useful,
        operations=operations,
        share_of_peak=operations / peak,
        definition=(
            f"6 operations for each trained parameter and token, 4 for each frozen one, over the "
            f"{peak / 1e12:,.0f} x 10^12 a second of the {gpu.name} in "
            f"{'16 bits' if short else 'fp32'}; padding counts as tokens"
        ),
    )


def computes_in_16_bits(trace: Trace) -> bool | None:
    """Whether the run says that it trains in mixed precision; None where it says nothing of it.

    The switches are those of `transformers.TrainingArguments`.
    """
    given = [trace.settings[name] for name in ("bf16", "fp16") if name in trace.settings]
    return any(value is True for value in given) if given else None


def timed_tokens(
    trace: Trace, *, waits: bool = True
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Steps after the first, with the seconds and the tokens of each.

    With `waits` the seconds of waiting for data are added.
    """
    working, waiting = trace.column("step_seconds").finite, trace.column("data_seconds").finite
    given = trace.column("input_tokens").finite
    steps, one, other = np.intersect1d(working.steps, given.steps, return_indices=True)
    seconds = working.values[one].copy()
    waited, mine, theirs = np.intersect1d(steps, waiting.steps, return_indices=True)
    if waits and len(waited):
        seconds[mine] += waiting.values[theirs]
    return steps[WARM:], seconds[WARM:], given.values[other][WARM:]


def gpu_bytes(trace: Trace, machine: Machine | None) -> int | None:
    """The memory of the GPU that trained: as the run wrote it, or else that of this machine."""
    return trace.gpu_bytes or (machine.gpu_bytes if machine is not None else None)
