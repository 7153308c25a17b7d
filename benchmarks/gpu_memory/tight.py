"""Steps with little memory to spare, predicted here and then run on a GPU: verdicts and advice.

    python benchmarks/gpu_memory/tight.py OUT.json        # predict: some minutes of one core
    python benchmarks/gpu_memory/measure.py RAN.jsonl --steps OUT.json    # on the GPU
    python benchmarks/gpu_memory/tight.py OUT.json --ran RAN.jsonl [--write]    # compare

Two kinds. Boundary: a configuration with a little less than the least capacity that it was
predicted to live with, a little more, and what it was predicted to reserve. Advice: a
configuration that does not fit in the capacity of a smaller card, after the first change that the
plan advises. PyTorch's allocator is held to the capacity, so that it really runs out.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from configurations import CONFIGURATIONS

from tunewell.plan.moves import MOVES
from tunewell.plan.rank import search
from tunewell.plan.session import one_child
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.plan.verdict import verdict_of

MIB = 1024**2
SEGMENT = 2 * MIB
LESS, MORE = 0.97, 1.01
"""Of the least capacity: the run is expected to end out of memory, and to go on."""
TORCH = "2.11"
"""The PyTorch of the machine that was measured."""
BOUNDARY = (
    "distilbert.full.fp32.b32x128",
    "bert.full.amp-bf16.b32x128.padded",
    "bert.full.amp-fp16.b16x512.eager",
    "vit-base.full.amp-bf16.b64",
    "smollm2.full.fp32.b4x512",
    "smollm2.full.amp-bf16.b2x8192.ckpt",
    "gpt2.full.amp-bf16.b8x1024",
    "opt-350m.lora64.bf16.b8x2048.ckpt",
    "qwen2.5-0.5b.full.bf16.b4x1024",
    "qwen2.5-0.5b.nf4.lora16.b4x1024.ckpt",
    "mixtral-small.full.bf16.b4x1024",
    "llama-3.2-1b.lora16.bf16.b4x1024",
)
CARDS = {"T4": 14_700 * MIB, "L4": 22_300 * MIB, "A100-40GB": 39_900 * MIB}
"""What PyTorch's allocator may take on them, the driver's context left out."""
ADVICE = (
    ("gpt2.full.amp-bf16.b8x1024", "T4", {"batch": 16}),
    ("smollm2.full.amp-bf16.b4x2048.padded.accumulate4", "T4", {}),
    ("pythia-410m.full.bf16.b8x1024", "T4", {"batch": 16}),
    ("bert.mlm.amp-bf16.b16x512.fused", "T4", {"batch": 64}),
    ("whisper-small.full.amp-fp16.b8", "T4", {"batch": 16, "autocast": "bf16"}),
    ("qwen2.5-0.5b.full.bf16.b4x1024", "T4", {}),
    ("qwen2.5-0.5b.lora16.bf16.b4x2048.padded.eval", "L4", {}),
    ("qwen3-0.6b.lora16.amp-bf16.b2x2048.eager", "L4", {}),
    ("llama-3.2-1b.full.amp-bf16.b2x1024", "L4", {"batch": 8}),
    ("llama-3.2-1b.lora16.bf16.b4x1024.padded.eager", "L4", {}),
    ("modernbert.mlm.amp-bf16.b2x8192.padded", "L4", {}),
    ("qwen2.5-1.5b.full.bf16.b2x2048.ckpt.fused", "L4", {"batch": 8}),
)
NOT_THERE = frozenset({"flash-attention", "chunked-loss"})
"""Moves whose packages the measured machine does not have."""


def main() -> None:
    """Predict, or compare."""
    parser = argparse.ArgumentParser(description="verdicts and advice, predicted and run")
    parser.add_argument("cases", type=Path)
    parser.add_argument("--ran", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.ran is None:
        predict(options.cases)
    else:
        report = compared(options.cases, options.ran)
        print(json.dumps(report, indent=1))
        if options.write:
            options.ran.with_suffix(".compared.json").write_text(
                json.dumps(report, indent=1) + "\n"
            )


def predict(out: Path) -> None:
    """Write the steps to run, one by one."""
    cases = []
    for case in itertools.chain(boundary_cases(), advice_cases()):
        cases.append(case)
        print(case["name"], case["expected"], flush=True)
        out.write_text(json.dumps(cases, indent=1) + "\n")


def there(name: str, **changes: Any) -> Step:  # noqa: ANN401  fields of Step
    """A configuration as it runs on the measured machine."""
    step = next(each.step for each in CONFIGURATIONS if each.name == name)
    device = msgspec.structs.replace(step.device, torch=TORCH)
    return msgspec.structs.replace(
        step, device=device, evaluation_batch=None, generation_tokens=None, **changes
    )


def boundary_cases() -> Iterator[dict[str, Any]]:
    """Three capacities around what each configuration was predicted to need."""
    with one_child() as simulate:
        for name in BOUNDARY:
            step = there(name)
            answer = simulate([step])[0]
            if isinstance(answer, NotSimulated):
                continue
            least, most = answer.smallest_capacity, answer.peak_reserved
            for label, capacity, expected in (
                ("less", int(least * LESS), "out-of-memory"),
                ("least", int(least * MORE), "ran"),
                ("reserved", most + SEGMENT, "ran"),
            ):
                yield described(f"boundary.{label}.{name}", step, capacity, expected)


def advice_cases() -> Iterator[dict[str, Any]]:
    """The first advice for configurations that do not fit on a card."""
    moves = [move for move in MOVES if move.id not in NOT_THERE]
    with one_child() as simulate:
        for name, card, changes in ADVICE:
            step, capacity = there(name, **changes), CARDS[card]
            advice = search(step, simulate, seconds_of, capacity, most=14, moves=moves)
            yield described(f"before.{card}.{name}", step, capacity, "out-of-memory")
            if advice and advice[0].fit != "does-not-fit":
                first = advice[0]
                case = described(f"after.{card}.{name}", first.step, capacity, "ran")
                yield {**case, "advice": first.title, "fit": first.fit}


def seconds_of(simulated: Simulated) -> float:
    """A crude time: it only orders the advice."""
    return sum(work.operations / 3e14 + work.bytes / 3e12 for work in simulated.work)


def described(name: str, step: Step, capacity: int, expected: str) -> dict[str, Any]:
    """One case as `measure.py --steps` takes it."""
    return {
        "name": name,
        "step": msgspec.to_builtins(step),
        "capacity": capacity,
        "expected": expected,
    }


def compared(cases: Path, ran: Path) -> dict[str, Any]:
    """The verdict of the simulation as it is now beside what happened."""
    lines = [json.loads(text) for text in ran.read_text().splitlines()]
    status = {line["name"]: line["status"] for line in lines if line["kind"] == "boundary"}
    rows = []
    with one_child() as simulate:
        steps: dict[str, Simulated | NotSimulated] = {}
        for case in json.loads(cases.read_text()):
            key = json.dumps(case["step"], sort_keys=True)
            if key not in steps:
                steps[key] = simulate([msgspec.convert(case["step"], Step)])[0]
            answer = steps[key]
            if isinstance(answer, NotSimulated):
                continue
            capacity = case["capacity"]
            verdict = verdict_of(answer.peak_reserved, answer.smallest_capacity, capacity)
            rows.append(
                {
                    "name": case["name"],
                    "capacity": capacity,
                    "share_of_reserved": round(capacity / answer.peak_reserved, 4),
                    "share_of_least": round(capacity / answer.smallest_capacity, 4),
                    "verdict": verdict,
                    "happened": status.get(case["name"], "not run"),
                    **({"advice": case["advice"]} if "advice" in case else {}),
                }
            )
    counts = collections.Counter(f"{row['verdict']}, {row['happened']}" for row in rows)
    advised = [row for row in rows if row["name"].startswith("after.")]
    return {
        "counts": dict(sorted(counts.items())),
        "advice": {
            "cases": len(advised),
            "ran": sum(row["happened"] == "ran" for row in advised),
        },
        "rows": rows,
    }


if __name__ == "__main__":
    main()
