"""The simulated step of real trainers beside the same trainers' real steps, on the processor.

Each trainer is simulated first, without a weight read, and then trained for two steps under
`torch.profiler`, whose allocator events give the most bytes that were alive at once. Both run what
the processor runs: eager attention, no dropout, no Triton kernels, plain SGD, and without the
workspaces and temporaries of CUDA's kernels. A second table holds trainers of models that
transformers knows beside the same steps described by their config.json, both as on an L4.

    python benchmarks/live_memory.py > benchmarks/results/live_memory.md
"""

from __future__ import annotations

import importlib.metadata
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from benchmarks.live import trainers
from transformers import PrinterCallback

from tunewell.plan.simulated import Simulated
from tunewell.plan.step import Device, LowRank, Step
from tunewell.preflight.longest import longest_batch
from tunewell.preflight.simulated import simulate_trainer, step_of_trainer
from tunewell.simulate import step as steps
from tunewell.simulate import storages
from tunewell.simulate.__main__ import simulate as by_config
from tunewell.simulate.live import Live
from tunewell.train.quiet import quiet

MIB = 1024**2
MEMORY = "[memory]"
L4 = Device(capability=89)
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"bf16": True},
    {"gradient_checkpointing": True},
    {"gradient_accumulation_steps": 2},
    {"bf16": True, "gradient_checkpointing": True, "gradient_accumulation_steps": 2},
)


def nothing(*_: object) -> int:
    """Bytes inside a kernel of the processor's."""
    return 0


@contextmanager
def processor() -> Iterator[None]:
    """Leave out what only CUDA takes."""
    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(storages, "hidden_bytes", nothing))
        for name in ("WORKSPACE", "WORKSPACE_HOPPER", "LIGHT_WORKSPACE"):
            patches.enter_context(mock.patch.object(steps, name, 0))
        yield


def simulated(trainer: Any) -> int:  # noqa: ANN401  transformers has no types
    """The most bytes alive at once in the simulated steps."""
    size = trainer.args.per_device_train_batch_size
    batch = longest_batch(trainer, trainer.train_dataset, size).batch
    training = Live(trainer, batch, on_cuda=False)
    with processor():
        run = steps.Run(step_of_trainer(trainer, Device()), training.whole, training=training)
        run.everything()
    alive = most = 0
    for _, size in run.storages.events:
        alive += size
        most = max(most, alive)
    return most


def real(trainer: Any) -> int:  # noqa: ANN401  as above
    """The same of two real steps, with the weights that were there before."""
    modules = [trainer.model, getattr(trainer, "ref_model", None)]
    tensors = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for module in modules
        if isinstance(module, torch.nn.Module)
        for tensor in (*module.parameters(), *module.buffers())
    }
    trainer.remove_callback(PrinterCallback)
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as profile:
        trainer.train()
    events = profile.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == MEMORY)
    alive = most = 0
    for _, size in changes:
        alive += size
        most = max(most, alive)
    return most + sum(tensors.values())


def row(name: str, build: Callable[[Path], Any]) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder, quiet(1):
        trainer = build(Path(folder))
        began = time.perf_counter()
        expected = simulated(trainer)
        took = time.perf_counter() - began
        found = real(trainer)
    off = 100 * (expected / found - 1)
    return f"| {name} | {expected / MIB:,.2f} | {found / MIB:,.2f} | {off:+.2f} % | {took:.1f} |"


def beside(name: str, adapted: bool, settings: dict[str, Any]) -> str:
    """One line of the second table: bytes of the trainer's own step and of the described one."""
    config = {"BERT": trainers.bert, "Llama": trainers.llama_model}[name]().config.to_dict()
    targets = ("query", "value") if name == "BERT" else ("q_proj", "v_proj")
    described = Step(
        config=config,
        task="text-classification" if name == "BERT" else "causal-lm",
        batch=trainers.BATCH,
        length=trainers.LENGTH,
        attention="eager",
        autocast="bf16" if settings.get("bf16") else None,
        adapter=LowRank(rank=8, targets=targets) if adapted else None,
        checkpointing=settings.get("gradient_checkpointing", False),
        accumulation=settings.get("gradient_accumulation_steps", 1),
        optimizer="sgd",
        device=L4,
    )
    with tempfile.TemporaryDirectory() as folder, quiet(1):
        trainer = trainers.plain(
            Path(folder), lambda _: trainers.known(name, adapted=adapted), **settings
        )
        own, _ = simulate_trainer(trainer, L4)
        other = by_config(described)
    if not isinstance(own, Simulated) or not isinstance(other, Simulated):
        return f"| {name} | not simulated: {own}, {other} | | | | |"
    said = ", ".join(settings) or "-"
    return (
        f"| {name}{', LoRA' if adapted else ''} | {said} | {own.peak_allocated:,} | "
        f"{other.peak_allocated:,} | {own.peak_allocated - other.peak_allocated:+,} | "
        f"{own.peak_reserved - other.peak_reserved:+,} |"
    )


def main() -> None:
    """Print both tables."""
    print("# The simulated step of a trainer as it stands\n")
    print("`python benchmarks/live_memory.py`. Versions: " + versions() + ".\n")
    print("## Beside the real step, on the processor\n")
    print("The most bytes alive at once in two steps; seconds are those of the simulation.\n")
    print("| trainer | simulated MiB | real MiB | off | seconds |")
    print("|---|---|---|---|---|")
    for name, build in trainers.ALL.items():
        if len(sys.argv) == 1 or any(word in name for word in sys.argv[1:]):
            print(row(name, build), flush=True)
    print("\n## Beside the step that config.json describes, on an L4\n")
    print("Bytes. The Trainer also holds the number of targets of a step: one block of 512.\n")
    print("| model | settings | own step | config.json | allocated | reserved |")
    print("|---|---|---|---|---|---|")
    for name, adapted, settings in itertools.product(("BERT", "Llama"), (False, True), SETTINGS):
        print(beside(name, adapted, settings), flush=True)


def versions() -> str:
    """The libraries that decide the figures."""
    names = ("torch", "transformers", "trl", "peft", "accelerate")
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


if __name__ == "__main__":
    main()
