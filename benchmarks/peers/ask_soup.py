"""Asks Soup (package soup-cli), a trainer with two estimators of its own.

`soup profile` is its command; the gate is what `soup train` refuses a run by. Both read soup.yaml
and guess the number of parameters from the model's name.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

from asking import GIB, Answer, Case, NotCoveredError, low_rank_targets, serve

FOLDER = tempfile.TemporaryDirectory()
os.chdir(FOLDER.name)
STARTED = time.perf_counter()

from soup_cli.cli import app  # noqa: E402
from soup_cli.commands.train import _build_hardware_fit_input  # noqa: E402
from soup_cli.config.loader import load_config  # noqa: E402
from soup_cli.utils.hardware_fit import estimate_peak_vram_gb  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

QUANTIZATIONS = {None: "none", "nf4": "4bit", "int8": "8bit"}


def profile(case: Case) -> Answer:
    """Total of `soup profile --json`, in GB of 1024**3 bytes as its table of cards."""
    _write(case)
    result = CliRunner().invoke(app, ["profile", "-c", "soup.yaml", "--gpu", "t4", "--json"])
    if result.exit_code:
        raise NotCoveredError(result.output.strip().splitlines()[-1])
    document = json.loads(result.output[result.output.index("{") :])
    return {"total": int(document["total_memory_gb"] * GIB)}


def gate(case: Case) -> Answer:
    """Peak that the gate of `soup train` computes, without its margin of 10 %."""
    asked = _build_hardware_fit_input(load_config(_write(case)))
    if asked is None:
        message = "the gate skips this configuration"
        raise NotCoveredError(message)
    return {"total": int(estimate_peak_vram_gb(asked).total_gb * 1e9)}


def _write(case: Case) -> Path:
    step = case["step"]
    if step.get("task", "causal-lm") == "image-classification":
        message = "no task for it"
        raise NotCoveredError(message)
    targets = low_rank_targets(step)
    lora = {"r": 0}
    if targets is not None:
        rank = step["adapter"].get("rank", 8)
        lora = {"r": rank, "alpha": 2 * rank, "target_modules": list(targets)}
    document = {
        "base": case["model"],
        "task": "sft",
        "data": {"train": "data.jsonl", "max_length": step.get("length", 512)},
        "training": {
            "batch_size": step.get("batch", 1),
            "quantization": QUANTIZATIONS[step.get("quantization")],
            "optimizer": step.get("optimizer", "adamw_torch"),
            "gradient_checkpointing": step.get("checkpointing", False),
            "lora": lora,
        },
    }
    path = Path("soup.yaml")
    path.write_text(json.dumps(document))  # JSON is YAML
    return path


serve("soup-cli", {"soup profile": profile, "soup train's gate": gate}, started=STARTED)
