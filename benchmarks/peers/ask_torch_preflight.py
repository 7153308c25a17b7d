"""Asks torch-preflight through `estimate_config`; only its download of config.json is replaced.

A model of its own table is taken from there, as for its users.
"""

from __future__ import annotations

import time

from asking import (
    Answer,
    Case,
    NotCoveredError,
    compute_precision,
    is_autocast,
    never_makes_the_square,
    serve,
)

STARTED = time.perf_counter()

from torch_preflight.vram import (  # noqa: E402
    OptimizerKind,
    PrecisionMode,
    RunConfig,
    estimate_config,
    resolve_profile,
)
from torch_preflight.vram.providers import hub  # noqa: E402

OPTIMIZERS = {
    "adamw_torch": OptimizerKind.ADAMW,
    "adamw_torch_fused": OptimizerKind.ADAMW,
    "adamw_8bit": OptimizerKind.ADAM_8BIT,
    "adamw_bnb_8bit": OptimizerKind.ADAM_8BIT,
    "sgd": OptimizerKind.SGD,
    "adafactor": OptimizerKind.ADAFACTOR,
}
PURE = {
    "fp32": PrecisionMode.FP32,
    "fp16": PrecisionMode.PURE_FP16,
    "bf16": PrecisionMode.PURE_BF16,
}


def ask(case: Case) -> Answer:
    """Its total, which has the context and 10.5 % for fragmentation."""
    step = case["step"]
    if step.get("quantization"):
        message = "no packed weights"
        raise NotCoveredError(message)
    if step.get("optimizer", "adamw_torch") not in OPTIMIZERS:
        message = f"no optimizer {step['optimizer']}"
        raise NotCoveredError(message)
    hub.fetch_config = lambda _name: case["config"]
    hub.available = lambda: True
    image = step.get("task") == "image-classification"
    run = RunConfig(
        batch_size=step.get("batch", 1),
        seq_len=None if image else step.get("length", 512),
        image_size=step.get("length", 224) if image else None,
        precision=PrecisionMode.AMP if is_autocast(step) else PURE[compute_precision(step)],
        optimizer=OPTIMIZERS[step.get("optimizer", "adamw_torch")],
        gradient_checkpointing=step.get("checkpointing", False),
        flash_attention=never_makes_the_square(step),
        frozen_fraction=1 - case["trainable"] / (case["parameters"] + case["trainable"])
        if step.get("adapter")
        else 0.0,
    )
    known = case["model"].split("/")[-1]
    profile = resolve_profile(known)
    if not profile.resolved:
        profile = resolve_profile(case["model"], allow_network=True)
    if not profile.resolved:
        message = "its reader finds no width, layers or heads"
        raise NotCoveredError(message)
    return {"total": estimate_config(profile, run, gpu_memory=case["card"]["bytes"]).total}


serve("torch-preflight", {"torch-preflight": ask}, started=STARTED)
