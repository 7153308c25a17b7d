"""Train a corpus of varied runs, healthy and faulty, and declare each before any check sees it.

    python benchmarks/make_corpus.py examples/banking77 tests/fixtures/runs/corpus [NAME ...]

Loops on scikit-learn's digits and diabetes, transformers on the sentences of BANKING77. A run that
was not planted with a fault is held against a twin that trains twice as long: it is healthy where
its kept model comes near to the twin's best and its loss was flat at the end (`declare`). Planted
runs have the catalogue's number of their fault in the register. No check is imported here. Only
numbers are kept: no text of the data, no path of this machine.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpus import loops, trainers
from corpus.loops import Loop
from corpus.trainers import Job, Poison, Texts
from tunewell.readers.logs import read_trace
from tunewell.subjects.trace import Trace
from tunewell.train.quiet import quiet

LONGER = 2

POINTS = 0.02
"""A healthy classifier comes this close to the best accuracy of its twin, or within one standard
error of it where there are few evaluation rows."""

SHARE = 0.02
"""A healthy model of another kind comes this close to the twin's best evaluation loss."""

LEVEL = 0.1
"""At the end of a healthy run the last quarter brought at most this share of the whole fall."""

JUDGED = {"digits": 397, "intents": 160, "tags": 3000}
"""Evaluation rows, or tags, of each kind of classifier, for the standard error."""


def freeze_body(model: Any) -> None:  # noqa: ANN401
    """Train the head alone."""
    for parameter in model.base_model.parameters():
        parameter.requires_grad = False


def detach_layer(model: Any) -> None:  # noqa: ANN401
    """Everything below the second layer gets no gradient, and nobody said that it should not."""
    layer = model.base_model.encoder.layer[1]
    real = layer.forward
    layer.forward = lambda hidden, *rest, **named: real(hidden.detach(), *rest, **named)


def other_intents(texts: Texts) -> list[Any]:
    """Sentences of the training's own kind, for a second evaluation set."""
    return trainers.written(texts, texts.train[::7])


def scrambled(texts: Texts) -> list[Any]:
    """Token sequences of another kind, that training on sentences makes less likely."""
    rows = trainers.written(texts, texts.judged)
    return [{"input_ids": r["input_ids"][::-1], "labels": r["input_ids"][::-1]} for r in rows]


def stuck_rate(model: Any) -> torch.optim.Optimizer:  # noqa: ANN401
    """An optimizer whose rate is zero."""
    return torch.optim.AdamW(model.parameters(), lr=0.0)


HEALTHY: dict[str, Loop | Job] = {
    "digits": Loop(),
    "digits-seed-1": Loop(seed=1),
    "digits-batch-4": Loop(batch=4, rate=3e-4, epochs=16, seed=2),
    "digits-batch-128": Loop(batch=128, rate=3e-3, epochs=40, seed=3),
    "digits-sgd": Loop(optimizer="sgd", rate=0.05, epochs=24, seed=4),
    "digits-cosine": Loop(schedule="cosine", rate=2e-3, warmup=0.1, epochs=30, seed=5),
    "digits-linear": Loop(schedule="linear", rate=2e-3, warmup=0.1, epochs=30, seed=6),
    "digits-restarts": Loop(schedule="restarts", rate=2e-3, epochs=30, seed=7),
    "digits-smoothed": Loop(smoothing=0.1, epochs=30, seed=8),
    "digits-dropout": Loop(dropout=0.5, epochs=40, seed=9),
    "digits-no-clipping": Loop(clip=None, seed=10),
    "digits-accumulated": Loop(batch=8, accumulate=4, rate=2e-3, epochs=30, seed=11),
    "digits-noisy-labels": Loop(noise=0.1, epochs=16, rate=5e-4, seed=12),
    "digits-few-rows": Loop(rows=300, epochs=60, seed=13, dropout=0.3),
    "digits-conv": Loop(net="conv", epochs=10, seed=14),
    "digits-conv-batch-8": Loop(net="conv", batch=8, rate=3e-4, epochs=8, seed=15),
    "digits-deep": Loop(net="deep", epochs=20, seed=16),
    "digits-long": Loop(epochs=50, rate=1e-3, schedule="linear", seed=17),
    "diabetes": Loop(net="regression", rate=3e-3, epochs=12, seed=18),
    "diabetes-batch-8": Loop(net="regression", batch=8, rate=1e-3, epochs=12, seed=19),
    "intents": Job(arguments={"max_steps": 500}, seed=21),
    "intents-cosine": Job(
        arguments={"max_steps": 500, "lr_scheduler_type": "cosine", "warmup_steps": 30}, seed=22
    ),
    "intents-constant": Job(
        arguments={"max_steps": 500, "lr_scheduler_type": "constant", "learning_rate": 1e-3},
        seed=23,
    ),
    "intents-batch-4": Job(
        arguments={"max_steps": 500, "per_device_train_batch_size": 4, "learning_rate": 5e-4},
        seed=24,
    ),
    "intents-smoothed": Job(arguments={"max_steps": 500, "label_smoothing_factor": 0.1}, seed=26),
    "intents-resumed": Job(arguments={"max_steps": 500}, resumed=True, seed=27),
    "intents-early-stopping": Job(arguments={"max_steps": 500}, patience=3, seed=28),
    "intents-logged-each-step": Job(arguments={"max_steps": 500, "logging_steps": 1}, seed=29),
    "intents-logged-seldom": Job(
        arguments={"max_steps": 500, "logging_steps": 50, "eval_steps": 50}, seed=30
    ),
    "intents-adafactor": Job(
        arguments={"max_steps": 500, "optim": "adafactor", "learning_rate": 5e-3}, seed=31
    ),
    "intents-warm-restarts": Job(
        arguments={
            "max_steps": 500,
            "lr_scheduler_type": "cosine_with_restarts",
            "lr_scheduler_kwargs": {"num_cycles": 3},
        },
        seed=32,
    ),
    "intents-bf16": Job(arguments={"max_steps": 500, "bf16": True}, seed=33),
    "tags": Job(task="tag", arguments={"max_steps": 200}, seed=34),
    "tags-frozen-body": Job(
        task="tag", arguments={"max_steps": 400, "learning_rate": 2e-2}, spoil=freeze_body, seed=35
    ),
    "tags-batch-8": Job(
        task="tag", arguments={"max_steps": 200, "per_device_train_batch_size": 8}, seed=36
    ),
    "language": Job(task="language", arguments={"max_steps": 400}, seed=37),
    "language-cosine": Job(
        task="language", arguments={"max_steps": 400, "lr_scheduler_type": "cosine"}, seed=38
    ),
    "llama": Job(task="llama", arguments={"max_steps": 300}, seed=39),
    "llama-resumed": Job(task="llama", arguments={"max_steps": 300}, resumed=True, seed=40),
    "llama-two-sets": Job(
        task="llama",
        arguments={"max_steps": 300},
        second_set=True,
        extra={"general": other_intents},
        seed=41,
    ),
    "masked": Job(task="masked", arguments={"max_steps": 400, "learning_rate": 3e-3}, seed=42),
    "reverse": Job(task="reverse", arguments={"max_steps": 500, "learning_rate": 4e-3}, seed=43),
}

FAULTY: dict[str, tuple[Loop | Job, tuple[str, ...]]] = {
    "digits-rate-too-high": (Loop(rate=3.0, clip=None, seed=51), ("O01",)),
    "digits-sgd-rate-too-high": (
        Loop(optimizer="sgd", rate=30.0, clip=None, seed=52),
        ("O01", "O23", "D30"),
    ),
    "intents-rate-too-high": (
        Job(arguments={"learning_rate": 0.5, "max_grad_norm": 0.0}, seed=53),
        ("O01", "D30"),
    ),
    "llama-rate-too-high": (
        Job(task="llama", arguments={"learning_rate": 1.0, "max_grad_norm": 0.0}, seed=54),
        ("O01",),
    ),
    "llama-rate-jumps": (
        Job(
            task="llama",
            arguments={"learning_rate": 0.3, "warmup_steps": 140, "max_steps": 200},
            seed=55,
        ),
        ("O01",),
    ),
    "digits-rate-too-low": (Loop(rate=1e-7, seed=56), ("O05",)),
    "intents-rate-too-low": (Job(arguments={"learning_rate": 1e-7}, seed=57), ("O05",)),
    "llama-rate-too-low": (
        Job(task="llama", arguments={"learning_rate": 1e-8}, seed=58),
        ("O05",),
    ),
    "intents-rate-zero": (
        Job(extra={"optimizer": stuck_rate}, seed=59),
        ("O05",),
    ),
    "digits-schedule-of-four": (
        Loop(schedule="linear", fault="schedule of four processes", epochs=8, seed=60),
        ("O04",),
    ),
    "digits-cosine-of-four": (
        Loop(schedule="cosine", fault="schedule of four processes", epochs=8, seed=61),
        ("O04",),
    ),
    "digits-nan": (Loop(fault="nan", seed=62), ("O23",)),
    "intents-nan": (Job(callbacks=(Poison(60),), seed=63), ("O23",)),
    "llama-nan": (Job(task="llama", callbacks=(Poison(100),), seed=64), ("O23",)),
    "digits-overfitted": (
        Loop(rows=120, epochs=150, rate=3e-3, dropout=0.0, decay=0.0, noise=0.2, seed=65),
        ("O25",),
    ),
    "llama-overfitted": (
        Job(task="llama", rows=64, arguments={"max_steps": 300}, seed=66),
        ("O25",),
    ),
    "intents-overfitted": (
        Job(rows=48, arguments={"max_steps": 400, "learning_rate": 1e-3}, seed=67),
        ("O25",),
    ),
    "digits-evaluation-mode": (Loop(fault="evaluation mode", dropout=0.5, seed=68), ("O32",)),
    "conv-evaluation-mode": (
        Loop(net="conv", fault="evaluation mode", epochs=5, seed=69),
        ("O32",),
    ),
    "digits-fp16-overflow": (Loop(fault="fp16 overflow", epochs=20, seed=70), ("P06", "O05")),
    "digits-head-left-out": (Loop(fault="left out", seed=71), ("O12", "O13", "O14", "O11")),
    "deep-vanishing": (
        Loop(net="deep", fault="vanishing", optimizer="sgd", seed=72),
        ("vanishing",),
    ),
    "digits-slow-loader": (Loop(fault="slow loader", epochs=12, rate=5e-3, seed=73), ("P22",)),
    "intents-layer-detached": (
        Job(spoil=detach_layer, arguments={"max_steps": 150}, seed=75),
        ("O11", "frozen"),
    ),
    "intents-collapsed": (
        Job(arguments={"learning_rate": 0.05, "max_grad_norm": 0.0}, seed=76),
        ("D30", "O01"),
    ),
    "llama-forgets": (
        Job(
            task="llama",
            arguments={"max_steps": 200},
            second_set=True,
            extra={"general": scrambled},
            seed=77,
        ),
        ("C01",),
    ),
    "intents-stopped-short": (
        Job(arguments={"max_steps": 40, "eval_steps": 8}, seed=78),
        ("short",),
    ),
    "intents-resumed-other-rate": (
        Job(
            arguments={"max_steps": 200, "learning_rate": 2e-3},
            resumed=True,
            resumed_with={"learning_rate": 1e-4},
            seed=79,
        ),
        ("S18",),
    ),
    # transformers 5.23 sums the losses of accumulated batches where a model takes no count of items
    # (docs/design/0007), as BERT does: found when the corpus was looked at, and moved here.
    "intents-accumulated": (
        Job(
            arguments={
                "max_steps": 500,
                "per_device_train_batch_size": 4,
                "gradient_accumulation_steps": 4,
            },
            seed=25,
        ),
        ("E18", "O06"),
    ),
    "intents-warm-up-outlasts-run": (
        Job(arguments={"max_steps": 120, "warmup_steps": 1000}, seed=80),
        ("warm-up",),
    ),
}
"""What is planted, and the catalogue's numbers of the faults it may be told as; a word where the
catalogue has none."""


CAUSES: dict[str, tuple[str, ...]] = {
    "O01": ("rate-too-high",),
    "D30": ("rate-too-high", "rare-class-lost"),
    "O05": ("rate-too-low", "updates-lost", "schedule"),
    "O04": ("schedule",),
    "O23": ("values-not-finite",),
    "O25": ("learned-by-heart",),
    "O32": ("evaluation-mode",),
    "P06": ("float16-overflow", "updates-lost"),
    "O11": ("part-not-trained",),
    "O12": ("part-not-trained",),
    "C01": ("forgetting",),
    "E18": ("evaluated-otherwise",),
    "S18": ("resumed-wrongly", "schedule"),
    "frozen": ("part-not-trained",),
    "vanishing": ("part-not-trained", "gradient-dies-out"),
    "short": ("run-too-short",),
    "warm-up": ("schedule", "rate-too-low"),
}
"""Which causes may be named first, by what was planted; written before any cause was looked for."""


def longer(job: Loop | Job) -> Loop | Job:
    """The same, twice as long, never resumed or stopped early."""
    if isinstance(job, Loop):
        return dataclasses.replace(job, epochs=LONGER * job.epochs)
    twin = copy.copy(job)
    steps = LONGER * job.arguments.get("max_steps", 150)
    twin.arguments = {**job.arguments, "max_steps": steps}
    twin.resumed, twin.patience = False, None
    return twin


def declare(name: str, trace: Trace, twin: Trace) -> tuple[str, str]:
    """What a run is by its scores, and why: healthy, or undecided where it had more to learn."""
    losses = trace.column("eval_loss").finite
    if not len(losses):
        losses = trace.column("eval_own_loss").finite
    until = losses.steps <= losses.steps[-1] - (losses.steps[-1] - losses.steps[0]) / 4
    before, low = float(losses.values[until].min()), float(losses.values.min())
    first = trace.column("step_loss").finite.values[:3]
    whole = float(np.median(first)) - low
    late = max(0.0, before - low) / whole if whole > 0 else 0.0
    scores, bar = trace.column("eval_accuracy").finite, twin.column("eval_accuracy").finite
    if len(bar):
        place = int(np.searchsorted(scores.steps, trace.kept_step or trace.last_step, side="right"))
        kept, best = float(scores.values[place - 1]), float(bar.values.max())
        rows = JUDGED[name.partition("-")[0]]
        margin = max(POINTS, math.sqrt(best * (1 - best) / rows))
        reached = kept >= best - margin - 1e-9
        reason = f"accuracy {100 * kept:.1f} %, twin {100 * best:.1f} %"
    else:
        rest = twin.column("eval_loss").finite
        rest = rest if len(rest) else twin.column("eval_own_loss").finite
        best = float(rest.values.min())
        reached = low <= best * (1 + SHARE)
        reason = f"evaluation loss {low:.3f}, twin {best:.3f}"
    reason += f"; {100 * late:.0f} % of the fall in the last quarter"
    return ("healthy" if reached and late <= LEVEL else "undecided"), reason


def run(job: Loop | Job, texts: Texts, out: Path) -> Path:
    """Train a job into a folder and return its run folder."""
    with quiet(1):
        if isinstance(job, Loop):
            loops.train(job, out / "tunewell")
        else:
            trainers.train(copy.deepcopy(job), texts, out)
    return out / "tunewell"


def main(data: Path, target: Path, names: list[str]) -> None:
    """Make the runs that are not there yet, or those named."""
    texts = Texts(data)
    register = target / "corpus.json"
    said = json.loads(register.read_text(encoding="utf-8")) if register.is_file() else {}
    jobs = {**{n: (j, ()) for n, j in HEALTHY.items()}, **FAULTY}
    for name, (job, faults) in jobs.items():
        if (names and name not in names) or (not names and name in said):
            continue
        with tempfile.TemporaryDirectory() as made:
            try:
                folder = run(job, texts, Path(made) / "run")
                if faults:
                    verdict, reason = "faulty", "planted"
                else:
                    twin = run(longer(job), texts, Path(made) / "longer")
                    verdict, reason = declare(name, read_trace(folder), read_trace(twin))
            except Exception:  # noqa: BLE001  one job that fails must not take the others along
                traceback.print_exc()
                continue
            for kind in ("healthy", "undecided", "faulty"):
                shutil.rmtree(target / kind / name, ignore_errors=True)
            kept = target / verdict / name
            kept.mkdir(parents=True)
            keep(folder / "events.jsonl", kept / "events.jsonl", made)
        causes = sorted({cause for fault in faults for cause in CAUSES.get(fault, ())})
        said[name] = {
            "verdict": verdict,
            "reason": reason,
            "faults": list(faults),
            "causes": causes,
        }
        register.write_text(json.dumps(said, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(name, verdict, reason, flush=True)


def rounded(value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
    """Numbers with five digits: what a curve is read by, at half the size."""
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.5g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return value


def keep(source: Path, target: Path, made: str) -> None:
    """Copy the events without what live checks said and without paths, numbers rounded."""
    with target.open("w", encoding="utf-8") as file:
        for line in source.read_text(encoding="utf-8").splitlines():
            event = json.loads(line) if line.strip() else {}
            if event.get("event") in (None, "finding_opened", "finding_closed", "stop"):
                continue
            settings = event.get("settings")
            if isinstance(settings, dict):
                event["settings"] = {
                    key: value
                    for key, value in settings.items()
                    if not (isinstance(value, str) and (made in value or value.startswith("/")))
                }
            when = event.get("time")
            file.write(json.dumps(rounded({**event, "time": None}) | {"time": when}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
