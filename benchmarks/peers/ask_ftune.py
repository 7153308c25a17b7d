"""Asks ftuneai through its `Estimator`; only its download of config.json is replaced.

A model of its own table (by exact or partial name) is taken from there, as for its users.
"""

from __future__ import annotations

import time
from typing import Any

from asking import GIB, PROJECTIONS, Answer, Case, NotCoveredError, low_rank_targets, serve

STARTED = time.perf_counter()

from ftuneai import Estimator, hub  # noqa: E402

TARGETS = {
    PROJECTIONS[0:3:2]: "attention",
    PROJECTIONS[:4]: "attention_all",
    PROJECTIONS: "all_linear",
}
OPTIMIZERS = {
    "adamw_torch": "adamw",
    "adamw_torch_fused": "adamw",
    "adamw_8bit": "adam_8bit",
    "adamw_bnb_8bit": "adam_8bit",
    "sgd": "sgd",
    "adafactor": "adafactor",
}


def ask(case: Case) -> Answer:
    """Its total, which has 20 % for the context and the allocator."""
    step = case["step"]
    if step.get("optimizer", "adamw_torch") not in OPTIMIZERS:
        message = f"no optimizer {step['optimizer']}"
        raise NotCoveredError(message)
    quantization = {None: "none", "nf4": "4bit", "int8": "8bit"}[step.get("quantization")]
    settings: dict[str, Any] = {"method": "full"}
    targets = low_rank_targets(step)
    if targets is not None:
        if targets not in TARGETS:
            message = "these layers of the adapter cannot be said"
            raise NotCoveredError(message)
        settings = {
            "method": "lora" if quantization == "none" else "qlora",
            "lora_rank": step["adapter"].get("rank", 8),
            "lora_target": TARGETS[targets],
        }
    hub.fetch_model_config = lambda _name: case["config"]
    try:
        memory = Estimator(
            model=case["model"],
            quantization=quantization,
            batch_size=step.get("batch", 1),
            seq_length=step.get("length", 512),
            gradient_checkpointing=step.get("checkpointing", False),
            optimizer=OPTIMIZERS[step.get("optimizer", "adamw_torch")],
            flash_attention=step.get("attention", "sdpa") != "eager",
            **settings,
        ).estimate_memory()
    except (KeyError, ValueError) as error:
        message = "its reader finds no width, layers or heads, or the length is beyond the model's"
        raise NotCoveredError(message) from error
    return {"total": int(memory.total_gb * GIB)}


serve("ftuneai", {"ftuneai": ask}, started=STARTED)
