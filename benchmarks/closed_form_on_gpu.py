"""The closed formula of memory against training steps that were measured on a GPU.

    python benchmarks/closed_form_on_gpu.py

Reads benchmarks/results/gpu_memory/h200.jsonl, makes each model's shapes without weights, and
writes what share of the measured peak the formula's low end, estimate and high end are, to
benchmarks/results/closed_form_on_gpu.json: over the runs that checks rely on it for
(`formula_is_tested`), and over the others.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import torch
import transformers

from tunewell.plan.for_recipe import formula_is_tested, memory_of
from tunewell.plan.memory import ModelSize
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Hardware, Recipe

RESULTS = Path(__file__).parent / "results"
MEASURED = RESULTS / "gpu_memory" / "h200.jsonl"
TARGET = RESULTS / "closed_form_on_gpu.json"
CLASSES = {
    "causal-lm": ("AutoModelForCausalLM", "sft"),
    "masked-lm": ("AutoModelForMaskedLM", "pretraining"),
    "text-classification": ("AutoModelForSequenceClassification", "text-classification"),
    "token-classification": ("AutoModelForTokenClassification", "text-classification"),
    "embedding": ("AutoModel", "embedding"),
    "dpo": ("AutoModelForCausalLM", "dpo"),
}
"""Class that loads a model of the task, and the recipe's word for the task. A label a token is as
small as a label a row beside a vocabulary."""

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
GIB = 1024**3


def main() -> None:
    """Compare and write."""
    lines = [json.loads(text) for text in MEASURED.read_text().splitlines()]
    steps = [line for line in lines if line["kind"] == "step" and line["status"] == "ran"]
    rows = [row for line in steps if (row := compared(line)) is not None]
    parts = {
        "tested": [row for row in rows if row["tested"]],
        "others": [row for row in rows if not row["tested"]],
    }
    report = {
        "measured on": next(line["name"] for line in lines if line["kind"] == "card"),
        "left out": len(steps) - len(rows),
        **{name: summary(part) for name, part in parts.items()},
        "rows": sorted(rows, key=lambda row: row["estimate"]),
    }
    TARGET.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps({name: report[name] for name in ("left out", *parts)}, indent=1))


def compared(line: dict[str, Any]) -> dict[str, Any] | None:
    """Shares of the measured peak; None for a step that no recipe describes."""
    step = line["step"]
    if step["task"] not in CLASSES:
        return None
    loader, task = CLASSES[step["task"]]
    settings = dict(step["config"])
    config = transformers.AutoConfig.for_model(settings.pop("model_type"), **settings)
    with torch.device("meta"):
        model = getattr(transformers, loader).from_config(config)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    checkpoint = Checkpoint(Path("model"), config.to_dict(), shapes)
    recipe = recipe_of(step, task)
    size = ModelSize.of(checkpoint, task="text-classification" if task == "embedding" else task)
    if size is None:
        return None
    rows = step["batch"] * (2 if task == "dpo" else 1)
    needed = memory_of(recipe, checkpoint, size, batch=rows, length=step["length"])
    peak, reserved = line["memory"]["peak_allocated"], line["memory"]["peak_reserved"]
    return {
        "name": line["name"],
        "tested": formula_is_tested(recipe, checkpoint),
        "peak_gib": round(peak / GIB, 2),
        "low": round(needed.low / peak, 3),
        "estimate": round(needed.total / peak, 3),
        "high": round(needed.high / peak, 3),
        "high_of_reserved": round(needed.high / reserved, 3),
    }


def recipe_of(step: dict[str, Any], task: str) -> Recipe:
    """The step in the words of a recipe."""
    adapter = step["adapter"]
    packed = step["quantization"]
    return Recipe(
        task=task,
        method="full" if adapter is None else "lora",
        precision=step["autocast"] or step["weights"],
        format="transformers",
        optim=step["optimizer"],
        per_device_train_batch_size=step["batch"],
        adapter=None if adapter is None else Adapter(r=adapter["rank"]),
        hardware=Hardware(
            dtype=DTYPES[step["weights"]],
            load_in_4bit=packed == "nf4",
            load_in_8bit=packed == "int8",
            gradient_checkpointing=step["checkpointing"],
            attn_implementation=step["attention"],
        ),
    )


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How far off over several runs, and how often an end is on the wrong side."""
    estimates = [row["estimate"] for row in rows]
    return {
        "runs": len(rows),
        "mean_absolute_error_percent": round(
            100 * statistics.fmean(abs(e - 1) for e in estimates), 1
        ),
        "smallest_ratio_to_measured": min(estimates),
        "largest_ratio_to_measured": max(estimates),
        "low_end_above_measured": sum(row["low"] > 1 for row in rows),
        "high_end_below_allocated": sum(row["high"] < 1 for row in rows),
        "high_end_below_reserved": sum(row["high_of_reserved"] < 1 for row in rows),
        "smallest_high_end_of_reserved": min(row["high_of_reserved"] for row in rows),
    }


if __name__ == "__main__":
    main()
