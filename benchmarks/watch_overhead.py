"""What watching costs: the same training with each tracker in turn, side by side in one run.

    python benchmarks/watch_overhead.py [--rounds 5] [--steps 40] [--write]

A GPT-2 of 19 million parameters on random tokens, on one core, logged every 5 steps. Each round
trains it once with no tracker, with `tunewell.Watch` (every check on), and with those of
TensorBoard, Trackio and Weights & Biases (offline) that are installed. Two figures each: the
seconds that the tracker's callback takes of a step (timed around each of its calls; Tunewell's own
count also has its hooks in the model), and the ratio of the median step times within a round, which
a noisy machine blurs. With --write the result goes to results/watch_overhead.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
from transformers.integrations import (
    TensorBoardCallback,
    TrackioCallback,
    WandbCallback,
)

from tunewell.readers.logs import read_trace
from tunewell.train.quiet import quiet
from tunewell.train.watch import Watch

RESULT = Path(__file__).parent / "results" / "watch_overhead.json"
WARM = 5
"""Steps that do not count."""

TRACKERS: dict[str, tuple[str, Callable[[], TrainerCallback]]] = {
    "tunewell": ("tunewell", lambda: Watch(every=10, announce=None)),
    "tensorboard": ("tensorboard", TensorBoardCallback),
    "trackio": ("trackio", TrackioCallback),
    "wandb": ("wandb", WandbCallback),
}


class Clock(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Seconds from the end of one step to the end of the next, logging included."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Take the time."""
        self.ends.append(time.perf_counter())


class Timed:
    """Times the calls of a callback between the first steps that do not count and the end."""

    def __init__(self, callback: TrainerCallback, clock: Clock) -> None:
        self.seconds = 0.0
        for name in dir(callback):
            if name.startswith("on_") and name not in {"on_train_begin", "on_train_end"}:
                setattr(callback, name, self._timed(getattr(callback, name), clock))

    def _timed(self, method: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            began = time.perf_counter()
            returned = method(*args, **kwargs)
            if len(clock.ends) > WARM:
                self.seconds += time.perf_counter() - began
            return returned

        return timed


def train(steps: int, callback: TrainerCallback | None, out: Path) -> tuple[Clock, float]:
    """Train once; the clock, and the callback's share of the steps' time."""
    clock = Clock()
    torch.manual_seed(0)
    rows = [{"input_ids": row, "labels": row} for row in torch.randint(0, 8000, (4 * steps, 48))]
    config = GPT2Config(
        vocab_size=8000,
        n_embd=384,
        n_layer=9,
        n_head=6,
        n_positions=64,
        bos_token_id=0,
        eos_token_id=0,
    )
    timed = None if callback is None else Timed(callback, clock)
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=TrainingArguments(
            output_dir=str(out),
            use_cpu=True,
            max_steps=steps,
            logging_steps=5,
            per_device_train_batch_size=4,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            log_level="error",
        ),
        train_dataset=rows,
        callbacks=[*([] if callback is None else [callback]), clock],
    )
    trainer.train()
    whole = clock.ends[-1] - clock.ends[WARM]
    share = 0.0 if timed is None else timed.seconds / whole
    if isinstance(callback, Watch):
        # Its own count also has the hooks in the model, which no callback's method shows.
        costs = read_trace(out).column("watch_seconds")
        later = costs.steps > WARM
        share = float((costs.values[later] * 5).sum() / whole)
    return clock, share


def main(rounds: int, steps: int, *, write: bool) -> None:
    """Run the rounds, each in another order, after one warm-up that does not count."""
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    there = {n: make for n, (module, make) in TRACKERS.items() if importlib.util.find_spec(module)}
    shares: dict[str, list[float]] = {name: [] for name in there}
    ratios: dict[str, list[float]] = {name: [] for name in there}
    with quiet(1), tempfile.TemporaryDirectory() as folder:
        os.environ |= {"WANDB_DIR": folder, "TRACKIO_DIR": folder}
        train(WARM + 2, None, Path(folder) / "warm")
        for number in range(rounds):
            times: dict[str, float] = {}
            names: list[str] = ["", *there]
            for name in names[number % len(names) :] + names[: number % len(names)]:
                out = Path(folder) / f"{number}-{name or 'none'}"
                clock, share = train(steps, there[name]() if name else None, out)
                times[name] = float(np.median(np.diff(clock.ends[WARM:])))
                if name:
                    shares[name].append(share)
            for name in there:
                ratios[name].append(times[name] / times[""])
            print(f"round {number + 1}", {n: f"{100 * s[-1]:.3f} %" for n, s in shares.items()})
    result = {
        "parameters": 19_067_520,
        "rounds": rounds,
        "steps": steps,
        "torch": torch.__version__,
        "trackers": {
            name: {
                "median_share_of_step_time": round(float(np.median(shares[name])), 6),
                "largest_share_of_step_time": round(max(shares[name]), 6),
                "median_ratio_of_step_times": round(float(np.median(ratios[name])), 4),
                "ratios": [round(ratio, 4) for ratio in ratios[name]],
            }
            for name in there
        },
    }
    print(json.dumps(result, indent=1))
    if write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    main(options.rounds, options.steps, write=options.write)
