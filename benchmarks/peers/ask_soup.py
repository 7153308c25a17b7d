"""Asks Soup (package soup-cli), a trainer with two estimators of its own.

`soup profile` is its command; the gate is what `soup train` refuses a run by. Both read soup.yaml.
Of a model on the hub they guess the number of parameters from its name (7 billion where it has
none); of a local checkpoint they count them in the headers of its weights. They are given such a
folder, a header and no weights, so that the number is the true one.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from asking import GIB, Answer, Case, NotCoveredError, low_rank_targets, serve

FOLDER = tempfile.TemporaryDirectory()
os.chdir(FOLDER.name)
STARTED = time.perf_counter()

from soup_cli.cli import app  # noqa: E402
from soup_cli.commands.train import _build_hardware_fit_input  # noqa: E402
from soup_cli.config.loader import load_config  # noqa: E402
from soup_cli.utils.hardware_fit import estimate_peak_vram_gb  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

CHECKPOINT = Path("checkpoint")
CHECKPOINT.mkdir()
TASKS = {
    "causal-lm": "sft",
    "dpo": "dpo",
    "embedding": "embedding",
    "text-classification": "classifier",
    "token-classification": "classifier",  # the nearest of its tasks, of no effect on its figure
    "speech-seq2seq": "asr",
}
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
    task = step.get("task", "causal-lm")
    if task not in TASKS:
        message = "no task for it"
        raise NotCoveredError(message)
    header = {"all": {"dtype": "BF16", "shape": [case["parameters"]], "data_offsets": [0, 0]}}
    written = json.dumps(header).encode()
    weights = CHECKPOINT / "model.safetensors"
    weights.write_bytes(len(written).to_bytes(8, "little") + written)
    targets = low_rank_targets(step)
    lora = {"r": 0}
    if targets is not None:
        rank = step["adapter"].get("rank", 8)
        lora = {"r": rank, "alpha": 2 * rank, "target_modules": list(targets)}
    document: dict[str, Any] = {
        "base": f"./{CHECKPOINT}",
        "task": TASKS[task],
        "data": {"train": "data.jsonl", "max_length": step.get("length", 512)},
        "training": {
            "batch_size": step.get("batch", 1),
            "quantization": QUANTIZATIONS[step.get("quantization")],
            "optimizer": step.get("optimizer", "adamw_torch"),
            "gradient_checkpointing": step.get("checkpointing", False),
            "lora": lora,
        },
    }
    if TASKS[task] == "classifier":
        document["training"]["num_labels"] = step.get("labels", 2)
    path = Path("soup.yaml")
    path.write_text(json.dumps(document))  # JSON is YAML
    return path


serve("soup-cli", {"soup profile": profile, "soup train's gate": gate}, started=STARTED)
