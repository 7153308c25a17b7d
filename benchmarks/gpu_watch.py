"""What watching and guarding do on an NVIDIA GPU, where alone it can be seen.

    python benchmarks/gpu_watch.py OUT.json

Five parts, each by the user's own Trainer and a GPT-2 of 124 million parameters: the cost of
watching beside none and TensorBoard (whole time of 390 steps, in turn, after a warm-up); how often
the processor waits for the GPU with and without the watcher (PyTorch's own count of synchronising
calls); whether losses are equal; what fp16 leaves out; and a real out-of-memory error, recovered.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.integrations import TensorBoardCallback

from tunewell.readers.logs import read_trace
from tunewell.train.guard.guard import Guard
from tunewell.train.watch import Watch

STEPS = 60
LONG = 400
"""Steps of the runs that are timed: what is paid once must not pass for a cost of each step."""


class Clock(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Seconds of the steps after the first ten, the GPU waited for at both ends alone."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Take the time at two steps."""
        if state.global_step == 10:  # noqa: PLR2004  said above
            torch.cuda.synchronize()
            self.began = time.perf_counter()
        if state.global_step == state.max_steps:
            torch.cuda.synchronize()
            self.ended = time.perf_counter()


def trainer(
    out: str,
    *callbacks: TrainerCallback,
    layers: int = 12,
    width: int = 512,
    **settings: Any,  # noqa: ANN401
) -> Trainer:
    """A GPT-2 on random tokens."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=50257, n_layer=layers, bos_token_id=0, eos_token_id=0, resid_pdrop=0.1
    )
    rows = [
        {"input_ids": row, "labels": row} for row in torch.randint(0, 50000, (16 * STEPS, width))
    ]
    arguments = {
        "max_steps": STEPS,
        "per_device_train_batch_size": 16,
        "logging_steps": 10,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "bf16": True,
        "learning_rate": 3e-4,
        **settings,
    }
    made = Trainer(
        model=GPT2LMHeadModel(config),
        args=TrainingArguments(output_dir=out, **arguments),
        train_dataset=rows,
        callbacks=list(callbacks),
    )
    made.remove_callback(PrinterCallback)
    return made


def losses(made: Trainer) -> list[float]:
    """The logged losses."""
    return [entry["loss"] for entry in made.state.log_history if "loss" in entry]


def cost(folder: str) -> dict[str, Any]:
    """Whole time of the steps with each, in turn."""
    kinds: dict[str, Callable[[], list[TrainerCallback]]] = {
        "none": list,
        "tunewell": lambda: [Watch(every=10, announce=None)],
        "tensorboard": lambda: [TensorBoardCallback()],
    }
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    shares: list[float] = []
    trainer(folder + "/warm").train()
    for number in range(2):
        names = list(kinds)[number:] + list(kinds)[:number]
        for name in names:
            clock = Clock()
            out = f"{folder}/{number}-{name}"
            trainer(out, *kinds[name](), clock, max_steps=LONG).train()
            seconds[name].append(clock.ended - clock.began)
            if name == "tunewell":
                column = read_trace(Path(out)).column("watch_seconds")
                shares.append(float(column.values[1:].sum() * 10 / seconds[name][-1]))
    step = np.median(seconds["none"]) / (LONG - 10)
    return {
        "step_ms": round(1000 * float(step), 2),
        "seconds": {name: [round(s, 3) for s in values] for name, values in seconds.items()},
        "ratio_to_none": {
            name: round(float(np.median(values) / np.median(seconds["none"])), 4)
            for name, values in seconds.items()
        },
        "watchers_own_share": [round(share, 5) for share in shares],
    }


def waits(folder: str) -> dict[str, Any]:
    """Synchronising calls of 30 steps, without and with the watcher, and where ours come from."""
    counts: dict[str, Any] = {}
    for name in ("none", "tunewell"):
        watch = [Watch(every=10, announce=None)] if name == "tunewell" else []
        heard = Heard()
        real = warnings.showwarning
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = heard
            made = trainer(f"{folder}/sync-{name}", *watch, max_steps=30)
            torch.cuda.set_sync_debug_mode("warn")
            try:
                made.train()
            finally:
                torch.cuda.set_sync_debug_mode("default")
                warnings.showwarning = real
        counts[name] = {"calls": heard.total, "of_the_watcher": heard.ours}
    return counts


class Heard:
    """Takes PyTorch's warnings of calls that wait for the GPU."""

    def __init__(self) -> None:
        self.total = 0
        self.ours: dict[str, int] = {}

    def __call__(self, message: Any, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Count a warning, and whose line it is."""
        if "synchronizing CUDA operation" not in str(message):
            return
        self.total += 1
        frames = [f for f in traceback.extract_stack() if "src/tunewell/" in f.filename]
        if frames:
            place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
            self.ours[place] = self.ours.get(place, 0) + 1


def equal(folder: str) -> dict[str, Any]:
    """Logged losses of two unwatched runs and a watched one."""
    runs = {}
    for name, watch in (("one", []), ("two", []), ("watched", [Watch(announce=None)])):
        made = trainer(f"{folder}/equal-{name}", *watch, max_steps=30, logging_steps=1)
        made.train()
        runs[name] = losses(made)
    trace = read_trace(Path(f"{folder}/equal-watched"))
    return {
        "two_unwatched_runs_equal": runs["one"] == runs["two"],
        "watched_equals_unwatched": runs["watched"] == runs["one"],
        "step_losses_recorded": len(trace.column("step_loss")),
        "largest_difference_to_the_log": float(
            np.abs(trace.column("step_loss").values - np.array(runs["watched"])).max()
        ),
        "cuda_peak_bytes": float(trace.column("cuda_peak_bytes").values[-1]),
        "torch_peak_bytes": float(torch.cuda.max_memory_allocated()),
        "broken": Path(f"{folder}/equal-watched/tunewell/events.jsonl").read_text().count("broken"),
    }


class Overflow(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Makes gradients infinite at every third step, as an overflow does."""

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Set a hook on one weight for this step."""
        weight = model.transformer.h[0].mlp.c_fc.weight
        handle = getattr(self, "handle", None)
        if handle is not None:
            handle.remove()
        bad = state.global_step % 3 == 0
        self.handle = weight.register_hook(lambda g: g * float("inf")) if bad else None


def half(folder: str) -> dict[str, Any]:
    """What the scaler of fp16 leaves out, as recorded."""
    said: dict[str, Any] = {}
    for optimizer in ("adamw_torch", "adamw_torch_fused"):
        out = f"{folder}/fp16-{optimizer}"
        settings = {"bf16": False, "fp16": True, "max_steps": 30, "optim": optimizer}
        trainer(out, Watch(announce=None), Overflow(), layers=2, width=64, **settings).train()
        trace = read_trace(Path(out))
        scale = trace.column("loss_scale").values
        said[optimizer] = {
            "skipped": [
                int(s) for s in trace.column("skipped").steps[trace.column("skipped").values > 0]
            ],
            "scale_first_and_last": [float(scale[0]), float(scale[-1])] if len(scale) else None,
            "last_loss": float(trace.column("loss").values[-1]),
        }
    return said


def recovered(folder: str) -> dict[str, Any]:
    """A micro-batch that does not fit, guarded, against one that was small from the start."""
    settings = {"max_steps": 12, "logging_steps": 1, "layers": 4, "width": 512}
    small = trainer(
        folder + "/small",
        **{**settings, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 4},
    )
    small.train()
    fits = losses(small)
    del small
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(0).total_memory
    limit = 5.0e9
    torch.cuda.set_per_process_memory_fraction(limit / whole)
    try:
        unguarded = "trained"
        try:
            trainer(folder + "/dies", **settings).train()
        except torch.OutOfMemoryError:
            unguarded = "out of memory"
        torch.cuda.empty_cache()
        made = trainer(folder + "/guarded", **settings)
        Guard(announce=None).train(made)
        guarded = losses(made)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    done = read_trace(Path(folder + "/guarded")).interventions
    return {
        "limit_bytes": limit,
        "unguarded": unguarded,
        "interventions": [f"step {d.step}: {d.kind}: {d.text}" for d in done],
        "largest_relative_difference_to_the_small_batch": float(
            np.max(np.abs(np.array(guarded) - np.array(fits)) / np.array(fits))
        ),
        "losses": guarded,
    }


def main(target: Path) -> None:
    """Run each part; one that fails says so and does not take the others along."""
    result: dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
    }
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for part in (waits, equal, half, recovered, cost):
            began = time.perf_counter()
            try:
                with contextlib.suppress(KeyboardInterrupt):
                    result[part.__name__] = part(folder)
            except Exception as error:  # noqa: BLE001  see above
                traceback.print_exc()
                result[part.__name__] = f"{type(error).__name__}: {error}"
            print(part.__name__, f"{time.perf_counter() - began:.0f} s", flush=True)
            target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
