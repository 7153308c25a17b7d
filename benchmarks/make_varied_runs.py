"""Train varied runs on three data sets and a language model, and declare each before any check.

    python benchmarks/make_varied_runs.py DATA tests/fixtures/runs

DATA holds clinc150/data_small.json.gz, sms_spam/spam.csv and banking77/{train,test}.csv as their
authors publish them. `declare` gives each run its verdict from its own scores and those of a
longer run of the same task; tests/fixtures/runs/README.md has the rule in words. No check is
imported here. Only numbers are kept: no text of the data, no path of this machine.
"""

from __future__ import annotations

import csv
import dataclasses
import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    GPT2Config,
    GPT2LMHeadModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from make_runs import MODEL, Poison, head_only, keep, two_layers, without_head
from tunewell.readers.logs import read_trace
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace
from tunewell.testing import split
from tunewell.train.fit import fit
from tunewell.train.quiet import quiet
from tunewell.train.watch import Watch

POINTS = 0.02
"""A healthy classifier comes this close to the best accuracy of the longer run."""

SHARE = 0.02
"""A healthy language model comes this close to the best loss of the longer run."""

LEVEL = 0.1
"""At the end of a healthy run, the last quarter brought at most this share of the whole fall."""

BASE = Recipe(learning_rate=2e-4, num_train_epochs=6.0, precision="bf16", max_length=24)
CLINC = (
    "bill_due",
    "book_flight",
    "calories",
    "cook_time",
    "interest_rate",
    "lost_luggage",
    "pay_bill",
    "recipe",
    "timer",
    "weather",
)
Rows = Sequence[tuple[str, str]]
Job = tuple[str, str, dict[str, Any]]
"""Task, trainer (`full` and `short` are fit on six and two layers) and what is changed."""

SHORT = {"learning_rate": 5e-4, "per_device_train_batch_size": 8}
REFERENCES: dict[str, Job] = {
    "clinc": ("clinc", "full", {"num_train_epochs": 14.0}),
    "sms": ("sms", "full", {"num_train_epochs": 8.0}),
    "banking": ("banking", "short", {**SHORT, "num_train_epochs": 14.0}),
    "language": ("language", "gpt2", {"max_steps": 400, "eval_steps": 20}),
}
CANDIDATES: dict[str, Job] = {
    "clinc-linear": ("clinc", "full", {"num_train_epochs": 8.0, "seed": 31}),
    "sms-imbalanced": ("sms", "full", {"num_train_epochs": 3.0, "seed": 32}),
    "language-often": ("language", "gpt2", {"max_steps": 240, "eval_steps": 8, "seed": 33}),
    "language-seldom": ("language", "gpt2", {"max_steps": 240, "eval_steps": 60, "seed": 34}),
    "banking-linear": ("banking", "full", {"num_train_epochs": 5.0, "seed": 35}),
    "clinc-cosine-batch-8": (
        "clinc",
        "full",
        {"lr_scheduler_type": "cosine", "per_device_train_batch_size": 8, "seed": 36},
    ),
    "clinc-batch-32": (
        "clinc",
        "full",
        {
            "per_device_train_batch_size": 32,
            "learning_rate": 4e-4,
            "num_train_epochs": 8.0,
            "seed": 37,
        },
    ),
    "clinc-batch-64-constant": (
        "clinc",
        "full",
        {
            "per_device_train_batch_size": 64,
            "learning_rate": 4e-4,
            "lr_scheduler_type": "constant",
            "num_train_epochs": 10.0,
            "seed": 38,
        },
    ),
    "sms-batch-8-often": (
        "sms",
        "full",
        {
            "per_device_train_batch_size": 8,
            "learning_rate": 1e-4,
            "num_train_epochs": 3.0,
            "evals_per_epoch": 3,
            "seed": 39,
        },
    ),
    "sms-weighted": (
        "sms",
        "full",
        {"class_weights": "balanced", "num_train_epochs": 4.0, "seed": 40},
    ),
    "banking-resumed": ("banking", "plain", {"resumed": True, "max_steps": 200, "seed": 41}),
    "banking-early-stopping": (
        "banking",
        "plain",
        {"patience": 3, "max_steps": 400, "eval_steps": 20, "seed": 42},
    ),
    "language-cosine": (
        "language",
        "gpt2",
        {"max_steps": 280, "eval_steps": 20, "lr_scheduler_type": "cosine", "seed": 43},
    ),
    "language-constant-batch-32": (
        "language",
        "gpt2",
        {
            "max_steps": 200,
            "eval_steps": 20,
            "per_device_train_batch_size": 32,
            "lr_scheduler_type": "constant",
            "learning_rate": 1e-3,
            "seed": 44,
        },
    ),
    **{
        f"banking-{name}": (
            "banking",
            "short",
            {**SHORT, "num_train_epochs": 5.0, "seed": 50 + number, **change},
        )
        for number, (name, change) in enumerate(
            {
                "two-evaluations-an-epoch": {"evals_per_epoch": 2},
                "accumulated": {"gradient_accumulation_steps": 2, "learning_rate": 8e-4},
                "long-warm-up": {"warmup_ratio": 0.4, "num_train_epochs": 8.0},
                "smoothed": {"label_smoothing": 0.1},
                "dropout": {"dropout": 0.2},
                "last-kept": {"load_best_model_at_end": False},
                "by-accuracy": {"metric_for_best_model": "eval_accuracy"},
                "fp32-constant": {
                    "precision": "fp32",
                    "lr_scheduler_type": "constant",
                    "warmup_ratio": 0.0,
                },
                "three-epochs-high-rate": {"num_train_epochs": 3.0, "learning_rate": 1e-3},
                "early-stopped": {"num_train_epochs": 14.0, "early_stopping_patience": 2},
            }.items()
        )
    },
    "sms-frozen-encoder": (
        "sms",
        "plain",
        {"spoil": head_only, "learning_rate": 2e-2, "max_steps": 150, "seed": 45},
    ),
}
PLANTED: dict[str, tuple[Job, tuple[str, ...]]] = {
    "clinc-rate-too-high": (
        ("clinc", "full", {"learning_rate": 1e-2, "max_grad_norm": 0.0, "seed": 11}),
        ("FIT002", "FIT003"),
    ),
    "sms-rate-too-high": (
        ("sms", "full", {"learning_rate": 2e-2, "num_train_epochs": 3.0, "seed": 12}),
        ("FIT002", "FIT003"),
    ),
    "clinc-rate-too-low": (("clinc", "full", {"learning_rate": 2e-7, "seed": 14}), ("FIT002",)),
    "sms-rate-too-low": (
        ("sms", "full", {"learning_rate": 2e-7, "num_train_epochs": 2.0, "seed": 15}),
        ("FIT002",),
    ),
    "clinc-one-epoch": (
        ("clinc", "full", {"num_train_epochs": 1.0, "evals_per_epoch": 3, "seed": 18}),
        ("FIT002", "FIT006"),
    ),
    "banking-two-epochs": (
        ("banking", "short", {**SHORT, "num_train_epochs": 2.0, "seed": 19}),
        ("FIT002", "FIT006"),
    ),
    "banking-cut-short": (
        ("banking", "full", {"num_train_epochs": 2.0, "evals_per_epoch": 2, "seed": 23}),
        ("FIT002", "FIT006"),
    ),
    "language-cut-short": (
        ("language", "gpt2", {"max_steps": 40, "eval_steps": 8, "seed": 20}),
        ("FIT006",),
    ),
    "language-nan": (
        ("language", "gpt2", {"max_steps": 100, "eval_steps": 20, "seed": 21, "poison": 60}),
        ("FIT004",),
    ),
    "language-rate-too-high": (
        (
            "language",
            "gpt2",
            {
                "max_steps": 120,
                "eval_steps": 20,
                "learning_rate": 3.0,
                "max_grad_norm": 0.0,
                "seed": 22,
            },
        ),
        ("FIT003",),
    ),
    "banking-overfitted": (
        (
            "banking-few",
            "short",
            {**SHORT, "num_train_epochs": 40.0, "load_best_model_at_end": False, "seed": 16},
        ),
        ("FIT001", "MET003"),
    ),
    "language-overfitted": (
        ("language-few", "gpt2", {"max_steps": 300, "eval_steps": 20, "seed": 17}),
        ("FIT001", "MET003"),
    ),
    "sms-head-not-in-optimizer": (
        ("sms", "plain", {"spoil": without_head, "max_steps": 40, "seed": 24}),
        ("FIT005",),
    ),
}


def made(train: Rows, judged: Rows) -> Dataset:
    """A data set of (text, label) pairs."""
    return Dataset(
        train=split(*zip(*train, strict=True)),
        evaluation=split(*zip(*judged, strict=True), name="eval"),
    )


def some(
    rows: Iterable[tuple[str, str]], labels: Sequence[str], each: int
) -> list[tuple[str, str]]:
    """So many rows of each of these labels, the first ones, in the order of the file."""
    left = dict.fromkeys(labels, each)
    taken = []
    for text, label in rows:
        if left.get(label, 0) > 0:
            left[label] -= 1
            taken.append((text, label))
    return taken


def tasks(data: Path) -> dict[str, Dataset]:
    """Samples of the three data sets; the language model learns the intents' texts."""
    with gzip.open(data / "clinc150" / "data_small.json.gz", "rt", encoding="utf-8") as file:
        clinc = {name: [tuple(row) for row in rows] for name, rows in json.load(file).items()}

    def rows_of(path: Path, text: str, label: str, coding: str) -> list[tuple[str, str]]:
        with path.open(encoding=coding, newline="") as file:
            return [(row[text], row[label]) for row in csv.DictReader(file)]

    sms = rows_of(data / "sms_spam" / "spam.csv", "v1", "v2", "latin-1")
    sms = [(text, label) for label, text in sms]
    banking = {
        name: rows_of(data / "banking77" / f"{name}.csv", "text", "category", "utf-8")
        for name in ("train", "test")
    }
    intents = sorted({label for _, label in banking["train"]})[:8]
    texts = [(text, "text") for text, _ in clinc["train"]]
    return {
        "clinc": made(some(clinc["train"], CLINC, 24), some(clinc["test"], CLINC, 20)),
        "sms": made(sms[:300], sms[300:600]),
        "banking": made(some(banking["train"], intents, 30), some(banking["test"], intents, 25)),
        "banking-few": made(some(banking["train"], intents, 6), some(banking["test"], intents, 25)),
        "language": made(texts[::4][:2000], texts[1::40]),
        "language-few": made(texts[::40][:100], texts[1::40]),
    }


class Stop(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Ends a run early, as a lost machine does, right after a checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Stop here."""
        if state.global_step == self.step:
            control.should_training_stop = True


def gpt2(dataset: Dataset, out: Path, change: dict[str, Any]) -> None:
    """A tiny GPT-2 from its configuration, in the user's own Trainer."""
    tokenizer = AutoTokenizer.from_pretrained(str(MODEL))
    assert dataset.evaluation is not None  # noqa: S101  every task has one

    def rows(texts: Sequence[str]) -> list[dict[str, Any]]:
        # Equal lengths need no padding; rows with fewer tokens are left out.
        cut = (tokenizer(text).input_ids[:10] for text in texts)
        return [{"input_ids": ids, "labels": ids} for ids in cut if len(ids) == 10]  # noqa: PLR2004

    poison = change.pop("poison", None)
    torch.manual_seed(change.get("seed", 0))
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=64, n_layer=2, n_head=2, n_positions=32)
    arguments = {
        "learning_rate": 3e-3,
        "logging_steps": 4,
        "eval_strategy": "steps",
        "per_device_train_batch_size": 16,
        "save_strategy": "no",
        **change,
    }
    trainer = Trainer(
        model=GPT2LMHeadModel(config),
        args=TrainingArguments(
            output_dir=str(out), use_cpu=True, report_to="none", disable_tqdm=True, **arguments
        ),
        train_dataset=rows(dataset.train.texts),
        eval_dataset=rows(dataset.evaluation.texts),
        callbacks=[Watch(announce=None), *([Poison(poison)] if poison else [])],
    )
    trainer.train()
    trainer.save_state()


def plain(dataset: Dataset, out: Path, model: Path, change: dict[str, Any]) -> None:
    """The two-layer classifier in the user's own Trainer, with checkpoints."""
    names = dataset.label_names
    ids = {name: number for number, name in enumerate(names)}
    tokenizer = AutoTokenizer.from_pretrained(str(MODEL))
    spoil = change.pop("spoil", None)
    resumed, patience = change.pop("resumed", False), change.pop("patience", None)
    arguments = {
        "learning_rate": 5e-4,
        "logging_steps": 5,
        "eval_strategy": "steps",
        "eval_steps": 25,
        "save_strategy": "no" if spoil else "steps",
        "save_steps": change.get("eval_steps", 25),
        "save_total_limit": 2,
        "load_best_model_at_end": patience is not None,
        "warmup_steps": 10,
        **change,
    }

    def rows(texts: Sequence[str], labels: Sequence[str | None]) -> list[dict[str, Any]]:
        return [
            {**tokenizer(text, truncation=True, max_length=24), "labels": ids[str(label)]}
            for text, label in zip(texts, labels, strict=True)
        ]

    def trainer(*extra: TrainerCallback) -> Trainer:
        torch.manual_seed(arguments["seed"])
        network = AutoModelForSequenceClassification.from_pretrained(
            str(model), num_labels=len(names)
        )
        assert dataset.evaluation is not None  # noqa: S101  every task has one
        rate = arguments["learning_rate"]
        optimizer = torch.optim.AdamW(spoil(network), lr=rate) if spoil else None
        return Trainer(
            model=network,
            args=TrainingArguments(
                output_dir=str(out), use_cpu=True, report_to="none", disable_tqdm=True, **arguments
            ),
            train_dataset=rows(dataset.train.texts, dataset.train.labels),
            eval_dataset=rows(dataset.evaluation.texts, dataset.evaluation.labels),
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=lambda scored: {
                "accuracy": float(np.mean(scored.predictions.argmax(-1) == scored.label_ids))
            },
            optimizers=(optimizer, None),
            callbacks=[Watch(announce=None), *extra],
        )

    if resumed:
        trainer(Stop(arguments["max_steps"] // 2)).train()
    last = trainer(*([EarlyStoppingCallback(patience)] if patience else []))
    last.train(resume_from_checkpoint=True if resumed else None)
    last.save_state()


def declare(trace: Trace, longer: Trace) -> tuple[str, str]:
    """What a run is by its scores: healthy, undecided (neither) or faulty (stopped too early).

    Returns the verdict and its reason.
    """
    losses = trace.column("eval_loss").finite
    until = losses.steps <= losses.steps[-1] - (losses.steps[-1] - losses.steps[0]) / 4
    before, low = float(losses.values[until].min()), float(losses.values.min())
    whole = float(trace.column("loss").finite.values[0]) - low
    late = max(0.0, before - low) / whole if whole > 0 else 0.0
    scores, bar = trace.column("eval_accuracy").finite, longer.column("eval_accuracy").finite
    if len(bar):
        place = int(np.searchsorted(scores.steps, trace.kept_step or trace.last_step, side="right"))
        kept, best = float(scores.values[place - 1]), float(bar.values.max())
        reached = kept >= best - POINTS - 1e-9
        reason = f"accuracy {100 * kept:.1f} %, longer run {100 * best:.1f} %"
    else:
        best = float(longer.column("eval_loss").finite.values.min())
        reached = low <= best * (1 + SHARE)
        reason = f"evaluation loss {low:.3f}, longer run {best:.3f}"
    reason += f"; {100 * late:.0f} % of the fall in the last quarter"
    verdict = "faulty" if not reached else "healthy" if late <= LEVEL else "undecided"
    return verdict, reason


def scrub(value: Any, names: dict[str, str]) -> Any:  # noqa: ANN401  whatever JSON holds
    """The value with this machine's folders replaced by short names."""
    if isinstance(value, dict):
        return {key: scrub(entry, names) for key, entry in value.items()}
    if isinstance(value, list):
        return [scrub(entry, names) for entry in value]
    if isinstance(value, str):
        for folder, name in names.items():
            value = value.replace(folder, name)
        return Path(value).name if value.startswith("/") else value
    return value


def scrub_folder(folder: Path, names: dict[str, str]) -> None:
    """Scrub the kept files; the watcher's findings are dropped: nothing may lean on them."""
    events = folder / "events.jsonl"
    lines: Iterator[dict[str, Any]] = map(json.loads, filter(None, events.read_text().split("\n")))
    told = [scrub(line, names) for line in lines if not line["event"].startswith("finding")]
    events.write_text("".join(json.dumps(line) + "\n" for line in told))
    state = folder / "trainer_state.json"
    if state.is_file():
        state.write_text(json.dumps(scrub(json.loads(state.read_text()), names), indent=1) + "\n")


def main(data: Path, out: Path) -> None:
    """Make and declare every run that is not in `out`/declared.json yet."""
    register = out / "declared.json"
    declared: dict[str, dict[str, Any]] = (
        json.loads(register.read_text()) if register.is_file() else {}
    )
    samples = tasks(data)
    models = {"full": MODEL, "short": Path(tempfile.mkdtemp())}
    two_layers(models["short"])
    longer: dict[str, Trace] = {}

    def train(job: Job, target: Path) -> Trace:
        task, trainer, change = job
        with tempfile.TemporaryDirectory() as folder, quiet(threads=1):
            run = Path(folder)
            if trainer == "gpt2":
                gpt2(samples[task], run, dict(change))
            elif trainer == "plain":
                plain(samples[task], run, models["short"], dict(change))
            else:
                recipe = dataclasses.replace(BASE, model=str(models[trainer]), **change)
                fit(recipe, samples[task], folder=run, keep_model=False)
            keep(run, target)
            scrub_folder(target, {folder: "run", **{str(m): k for k, m in models.items()}})
        return read_trace(target)

    def reference(name: str) -> Trace:
        folder = out / "longer" / name
        if name not in longer:
            kept = (folder / "events.jsonl").is_file()
            longer[name] = read_trace(folder) if kept else train(REFERENCES[name], folder)
        return longer[name]

    jobs: list[tuple[str, Job, tuple[str, ...]]] = [
        (name, job, ()) for name, job in CANDIDATES.items()
    ]
    jobs += [(name, job, codes) for name, (job, codes) in PLANTED.items()]
    # The quick ones first: something of every kind is there early.
    late = ("clinc-cosine-batch-8", "clinc-batch-32", "clinc-batch-64-constant", "sms-weighted")
    jobs.sort(key=lambda entry: (entry[0] in late, not entry[2]))
    for name, job, codes in jobs:
        if name in declared:
            continue
        fresh = out / "fresh"
        trace = train(job, fresh)
        verdict, reason = "faulty", "planted"
        if not codes:
            verdict, reason = declare(trace, reference(job[0]))
        target = out / verdict / name
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.rename(target)
        declared[name] = {"verdict": verdict, "reason": reason, "expected": list(codes)}
        register.write_text(json.dumps(declared, indent=1, sort_keys=True) + "\n")
        print(name, verdict, reason, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
