"""Memory of one rank of several GPUs: the simulation against the libraries that share models out.

    python benchmarks/sharded_memory.py [--deepspeed PYTHON] [--large]

FSDP 2 runs on fake tensors in this process, DDP and FSDP 2 also in two real processes on the CPU,
DeepSpeed on the CPU in the Python that is named. All are compared in bytes that are asked for,
without the allocator's rounding and what only CUDA's kernels take, which other benchmarks measure.
Writes benchmarks/results/sharded_memory.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
RESULT = HERE / "results" / "sharded_memory.md"
sys.path[:0] = [str(HERE), str(HERE.parent / "src")]

from sharded.configurations import (  # noqa: E402  found above
    CONFIGURATIONS,
    GLOO,
    LARGE,
    ZERO,
)
from sharded.predicted import predict  # noqa: E402  as above
from sharded.truth import measure  # noqa: E402  as above
from tunewell.plan.step import Step  # noqa: E402  as above

MIB = 1024**2
GIB = 1024**3
RECORDED = HERE.parent / "tests" / "fixtures" / "sharded_memory.json"
RECORDED_NAMES = (
    "llama, bf16, 2 ranks",
    "llama, mixed, 8 ranks, 4 micro-batches",
    "llama, bf16 mixed, LoRA, 8 ranks, recomputed",
    "qwen2, tied, bf16, 4 ranks",
    "gpt2, tied, mixed, 8 ranks",
    "llama, stage 2, 2 ranks",
    "llama, stage 3, 8 ranks",
)
ESTIMATED = (8_030_261_248, 525_336_576, (1, 2, 4, 8, 16))
"""Parameters of Llama-3.1-8B, those of its largest layer, and numbers of GPUs."""


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--deepspeed", help="a Python that has DeepSpeed")
    parser.add_argument("--record", action="store_true", help="write the tests' fixture instead")
    parser.add_argument("--large", action="store_true", help="Llama-3.1-8B's shapes too")
    arguments = parser.parse_args()
    if arguments.record:
        _record(arguments.deepspeed)
        return
    chosen = {**CONFIGURATIONS, **(LARGE if arguments.large else {})}
    parts = ["# Memory of one rank of several GPUs\n", HEAD]
    parts += _table("FSDP 2 on fake tensors", chosen, measure)
    parts += _table("Two processes on the CPU, over gloo", GLOO, _started)
    if arguments.deepspeed:
        parts += _table(
            "DeepSpeed on the CPU", ZERO, lambda step: _deepspeed(arguments.deepspeed, step)
        )
    parts += _states()
    RESULT.write_text("\n".join(parts) + "\n", encoding="utf-8")


HEAD = """Written by `benchmarks/sharded_memory.py` with torch 2.13.0, accelerate 1.15.0,
transformers 5.23.0, peft 0.21.2 and DeepSpeed 0.19.8. Predicted and true are the most bytes asked
for at once on rank 0 during two training steps, in MiB; steady is what is left after them. CUDA is
not in it: the allocator's rounding, streams and NCCL were not measured here, and no run on several
GPUs was.
"""


def _table(
    title: str, steps: dict[str, Step], true_of: Callable[[Step], tuple[int, int | None]]
) -> list[str]:
    lines = [
        f"## {title}\n",
        "| configuration | predicted | true | error | steady predicted | steady true |",
        "|---|---|---|---|---|---|",
    ]
    errors = []
    for name, step in steps.items():
        peak, steady = predict(step)
        true, left = true_of(step)
        errors.append(abs(peak / true - 1))
        after = "" if left is None else f"{left / MIB:,.2f}"
        lines.append(
            f"| {name} | {peak / MIB:,.2f} | {true / MIB:,.2f} | "
            f"{100 * (peak / true - 1):+.3f} % | {steady / MIB:,.2f} | {after} |"
        )
        sys.stderr.write(lines[-1] + "\n")
    mean = 100 * sum(errors) / len(errors)
    lines.append(
        f"\n{len(errors)} configurations: off by {mean:.3f} % on average, "
        f"{100 * max(errors):.3f} % at most.\n"
    )
    return lines


def _record(deepspeed: str) -> None:
    """What the tests hold the simulation against."""
    found = []
    for name in RECORDED_NAMES:
        step = CONFIGURATIONS.get(name) or ZERO[name]
        peak, steady = measure(step) if name in CONFIGURATIONS else _deepspeed(deepspeed, step)
        found.append({"name": name, "step": step, "peak": peak, "steady": steady})
    RECORDED.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def _started(step: Step) -> tuple[int, None]:
    name = next(name for name, known in GLOO.items() if known == step)
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29655"]
    answer = _run([sys.executable, *command, "-m", "sharded.gloo_truth", name])
    return answer["peak"], None


def _deepspeed(python: str, step: Step) -> tuple[int, int]:
    name = next(name for name, known in ZERO.items() if known == step)
    answer = _run([python, "-m", "sharded.deepspeed_truth", name])
    return answer["peak"], answer["steady"]


def _run(command: list[str]) -> dict[str, int]:
    paths = os.pathsep.join((str(HERE), str(HERE.parent / "src")))
    finished = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    line = next(line for line in finished.stdout.splitlines() if line.startswith("{"))
    answer: dict[str, int] = json.loads(line)
    return answer


def _states() -> list[str]:
    """DeepSpeed's published formula for the states of ZeRO 2 and 3, and what they really are."""
    count, largest, ranks = ESTIMATED
    lines = [
        "## What DeepSpeed's own estimators say of the states\n",
        STATES,
        "| GPUs | stage 2 estimated | stage 2 steady | stage 3 estimated | stage 3 steady |",
        "|---|---|---|---|---|",
    ]
    for n in ranks:
        bytes_of = (
            2 * count + 18 * count / n,
            2 * count + 12 * count / n,
            4 * largest + 18 * count / n,
            16 * count / n,
        )
        lines.append(f"| {n} | " + " | ".join(f"{b / GIB:,.1f} GiB" for b in bytes_of) + " |")
    return lines


STATES = """`estimate_zero2_model_states_mem_needs` and `estimate_zero3_model_states_mem_needs` of
DeepSpeed 0.19.8 without offload, for the parameters of Llama-3.1-8B. What stays through the whole
run, and is predicted exactly above, is 2 + 12/n bytes a parameter with stage 2, and 16/n with stage
3, whose buffer of gradients stays too. The estimators also count gradients of 16 and 32 bits, and
no activations, logits, buckets or temporaries.
"""

if __name__ == "__main__":
    main()
