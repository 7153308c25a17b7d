"""Measure the memory and the time of the configurations on this machine's GPU.

    python benchmarks/gpu_memory/measure.py OUT.jsonl [--only NAME ...] [--skip RESULTS.jsonl ...]
        [--budget SECONDS] [--capacities FILE.json] [--steps FILE.json]

Every configuration runs in a process of its own, forked from one that has imported everything and
never touched the GPU. Results are written as JSON lines, one by one: a run cut short loses nothing.
With `--capacities` ({name: bytes or [bytes, ...]}), the named configurations run with so many bytes
for PyTorch's allocator, and the results say whether that was enough; `--steps` does so with the
steps of a file of `tight.py`. Without a GPU, a few tiny
steps run through the same code, and their memory is null.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec
from cases import Configuration, read
from configurations import CONFIGURATIONS
from forked import import_everything, in_child
from tiny import TINY

DEADLINE_SECONDS = 40.0
"""For one configuration: whoever takes longer is ended, and the next one goes on."""
HOPELESS = 5
"""When so many fail and nothing has run, something is wrong with the machine: stop."""
ROUNDING = 1024**2
"""Segments are multiples of 2 MiB: half of one more only keeps the fraction from rounding down."""
PACKAGES = ("torch", "transformers", "accelerate", "peft", "bitsandbytes", "triton", "trl")
Task = tuple[dict[str, Any], Callable[[], dict[str, Any]]]
"""What identifies a line of the results, and the work of its child."""


def has_gpu() -> dict[str, Any]:
    """Asked in a child, so that this process stays untouched."""
    import torch  # noqa: PLC0415 - imported before the fork

    if torch.version.cuda is not None:
        torch.zeros(1, device="cuda")
    return {"gpu": torch.cuda.is_available(), "error": None}


def card() -> dict[str, Any]:
    """The rates of the GPU."""
    import torch  # noqa: PLC0415 - imported before the fork
    from card import measure_card  # noqa: PLC0415 - needs torch

    return measure_card(torch.device("cuda", 0)) if torch.cuda.is_available() else {"name": None}


def plain(configuration: Configuration) -> Callable[[], dict[str, Any]]:
    """The configuration with nothing in its way."""

    def work() -> dict[str, Any]:
        import training  # noqa: PLC0415 - imported before the fork

        return training.measure(configuration.step, training.device())

    return work


def limited(configuration: Configuration, capacity: int) -> Callable[[], dict[str, Any]]:
    """The configuration with `capacity` bytes for PyTorch's allocator, the context not counted."""

    def work() -> dict[str, Any]:
        import torch  # noqa: PLC0415 - imported before the fork
        import training  # noqa: PLC0415 - the same

        device = training.device()
        if device.type == "cuda":
            total = torch.cuda.get_device_properties(device).total_memory
            fraction = min(1.0, (capacity + ROUNDING) / total)
            torch.cuda.set_per_process_memory_fraction(fraction, device)
        return training.measure(configuration.step, device, most_steps=training.PEAK_STEPS)

    return work


def recorded(configuration: Configuration, target: Path) -> Callable[[], dict[str, Any]]:
    """The configuration's first steps, with every event of PyTorch's allocator in a file."""

    def work() -> dict[str, Any]:
        import torch  # noqa: PLC0415 - imported before the fork
        import training  # noqa: PLC0415 - the same

        if not torch.cuda.is_available():
            return {"file": None}
        from allocator_history import record  # noqa: PLC0415 - only with a GPU

        record(
            lambda: training.measure(
                configuration.step, training.device(), most_steps=training.PEAK_STEPS
            ),
            target,
        )
        return {"file": target.name}

    return work


def tasks(
    configurations: Sequence[Configuration], capacities: dict[str, Any] | None, folder: Path
) -> Iterator[Task]:
    """The work of one run: the configurations, or those with a capacity."""
    if capacities is None:
        yield {"kind": "card"}, card
        for each in configurations:
            yield _identity("step", each), plain(each)
            if each.history:
                target = folder / f"history-{each.name}.json.gz"
                yield _identity("history", each), recorded(each, target)
    else:
        for each in configurations:
            given = capacities.get(each.name, [])
            for capacity in [given] if isinstance(given, int) else given:
                identity = {**_identity("boundary", each), "capacity": capacity}
                yield identity, limited(each, capacity)


def tight_tasks(path: Path) -> Iterator[Task]:
    """The steps of a file, each with its own capacity."""
    for configuration, capacity in read(path):
        identity = {**_identity("boundary", configuration), "capacity": capacity}
        yield identity, limited(configuration, capacity)


def _identity(kind: str, configuration: Configuration) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": configuration.name,
        "held_out": configuration.held_out,
        "step": msgspec.to_builtins(configuration.step),
    }


def run(work: Iterator[Task], out: IO[str], budget: float) -> int:
    """Run each task in a child and write its line. The number of those that failed."""
    began = time.monotonic()
    failed = ran = 0
    for identity, job in work:
        left = budget - (time.monotonic() - began)
        if left <= 0:
            print(f"the budget of {budget:.0f} s is used up before {identity.get('name')}")
            break
        started = time.monotonic()
        answer = in_child(job, min(DEADLINE_SECONDS, left))
        seconds = time.monotonic() - started
        out.write(json.dumps({**identity, **answer, "wall_seconds": round(seconds, 3)}) + "\n")
        out.flush()
        failed += answer["status"] == "failed"
        ran += answer["status"] != "failed" and identity["kind"] != "card"
        print(_line(identity, answer, seconds), flush=True)
        if failed >= HOPELESS and not ran:
            print(answer.get("trace"))
            break
    print(f"{time.monotonic() - began:.0f} s in all, {failed} failed")
    return failed


def _line(identity: dict[str, Any], answer: dict[str, Any], seconds: float) -> str:
    memory = answer.get("memory") or {}
    peak = memory.get("peak_allocated", 0) / 1024**3
    step = (answer.get("seconds") or {}).get("step") or 0.0
    error = answer.get("error") or ""
    name = identity.get("name", identity["kind"])
    return (
        f"{seconds:5.1f} s  {name:64} {answer['status']:13} {peak:7.3f} GiB  {step:7.4f} s  "
        f"{error[:160]}"
    )


def measured(results: Path) -> Iterator[str]:
    """Names of the configurations that ran according to a file of results."""
    for text in results.read_text().splitlines():
        line = json.loads(text)
        if line["kind"] == "step" and line["status"] != "failed":
            yield line["name"]


def versions() -> dict[str, str]:
    """Of Python and the packages that decide about memory."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main() -> None:
    """Measure, and write one line for each configuration."""
    parser = argparse.ArgumentParser(description="memory and time of training steps on this GPU")
    parser.add_argument("out", type=Path, help="the results, as JSON lines")
    parser.add_argument("--only", nargs="+", default=[], help="names, or beginnings of names")
    parser.add_argument("--budget", type=float, default=360.0, help="seconds, the imports included")
    parser.add_argument("--capacities", type=Path, help="a JSON file: name to bytes")
    parser.add_argument("--steps", type=Path, help="a JSON file of tight.py")
    parser.add_argument("--skip", nargs="+", type=Path, default=[], help="results so far")
    options = parser.parse_args()
    began = time.monotonic()
    import_everything(each.step for each in (*CONFIGURATIONS, *TINY))
    print(f"imported in {time.monotonic() - began:.1f} s", flush=True)
    gc.freeze()  # what is imported stays: no child need look through it
    gpu = in_child(has_gpu, DEADLINE_SECONDS)
    print(gpu, flush=True)
    if gpu["status"] != "ran":
        sys.exit(f"the GPU cannot be used: {gpu['error']}\n{gpu.get('trace')}")
    skipped = {name for file in options.skip for name in measured(file)}
    chosen = [
        each
        for each in (CONFIGURATIONS if gpu["gpu"] else TINY)
        if not options.only or any(each.name.startswith(name) for name in options.only)
        if each.name not in skipped
    ]
    capacities = json.loads(options.capacities.read_text()) if options.capacities else None
    with options.out.open("w") as out:
        out.write(json.dumps({"kind": "versions", **versions(), **gpu}) + "\n")
        left = options.budget - (time.monotonic() - began)
        work = (
            tight_tasks(options.steps)
            if options.steps
            else tasks(chosen, capacities, options.out.parent)
        )
        run(work, out, left)


if __name__ == "__main__":
    main()
