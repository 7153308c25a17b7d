"""Asks fitcheck-llm through its Python functions, with config.json in the hub's local cache.

`HF_HUB_OFFLINE=1` with a cached config.json is its documented way to work offline. Online it takes
the number of parameters from the hub and refuses a model whose number its formula misses by more
than 2 %: both are done here with the true number.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from asking import MIB, Answer, Case, NotCoveredError, low_rank_targets, serve

CACHE = tempfile.TemporaryDirectory()
os.environ["HF_HUB_CACHE"] = CACHE.name
os.environ["HF_HUB_OFFLINE"] = "1"
STARTED = time.perf_counter()

from fitcheck.config_parser import ModelConfig, UnsupportedModelError, fetch_model_config  # noqa: E402
from fitcheck.estimator import TrainingConfig, estimate  # noqa: E402
from fitcheck.gpu_db import get_gpu  # noqa: E402

TOLERANCE = 0.02
"""As in fitcheck.config_parser: beyond it the tool refuses the model."""

OPTIMIZERS = {
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw",
    "adamw_8bit": "adam8bit",
    "adamw_bnb_8bit": "adam8bit",
    "sgd": "sgd",
}
CARDS = {"Tesla T4": "t4", "NVIDIA H200": "h200", "NVIDIA H100 80GB HBM3": "h100-80"}


def ask(case: Case) -> Answer:
    """Its sum without and with its overhead."""
    step = case["step"]
    if step.get("optimizer", "adamw_torch") not in OPTIMIZERS:
        message = f"no optimizer {step['optimizer']}"
        raise NotCoveredError(message)
    if step.get("task", "causal-lm") != "causal-lm":
        message = "decoders only"
        raise NotCoveredError(message)
    targets = low_rank_targets(step)
    training = TrainingConfig(
        precision=step.get("autocast") or step.get("weights", "fp32"),
        quantization=step.get("quantization") or "none",
        double_quant=step.get("double_quantization", False),
        optimizer=OPTIMIZERS[step.get("optimizer", "adamw_torch")],
        batch_size=step.get("batch", 1),
        seq_len=step.get("length", 512),
        lora_rank=step["adapter"].get("rank", 8) if targets else None,
        lora_targets=list(targets or ()),
        grad_checkpoint=step.get("checkpointing", False),
        flash_attn=step.get("attention", "sdpa") != "eager",
    )
    card = CARDS.get(case["card"]["name"])
    gpu = get_gpu(card) if card else get_gpu(vram_mib=case["card"]["bytes"] // MIB)
    try:
        report = estimate(model_of(case), training, gpu)
    except ValueError as error:
        raise NotCoveredError(str(error).split(". ")[0]) from error
    return {
        "tensors": int((report.total_mib - report.overhead_mib) * MIB),
        "total": int(report.total_mib * MIB),
    }


def model_of(case: Case) -> ModelConfig:
    """The model as the tool reads it from its config.json."""
    folder = Path(CACHE.name) / f"models--{case['model'].replace('/', '--')}"
    snapshot = folder / "snapshots" / "0"
    snapshot.mkdir(parents=True, exist_ok=True)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text("0")
    (snapshot / "config.json").write_text(json.dumps(case["config"]))
    try:
        model = fetch_model_config(case["model"])
    except UnsupportedModelError as error:
        message = "mixtures of experts and models with a vision tower are refused"
        raise NotCoveredError(message) from error
    except ValueError as error:
        raise NotCoveredError(str(error)) from error
    miss = model.num_params / case["parameters"] - 1
    if abs(miss) > TOLERANCE:
        message = f"refused: its formula counts {100 * miss:+.0f} % of the parameters"
        raise NotCoveredError(message)
    return replace(model, num_params=case["parameters"])


serve("fitcheck-llm", {"fitcheck-llm": ask}, started=STARTED)
