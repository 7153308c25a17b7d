"""Asks peft-doctor through `estimate_vram_gb`, which its command `estimate` prints.

Its options for the number of parameters, the width and the layers are all filled in.
"""

from __future__ import annotations

import time

from asking import GIB, Answer, Case, NotCoveredError, serve

STARTED = time.perf_counter()

from peft_doctor import estimate_vram_gb  # noqa: E402


def ask(case: Case) -> Answer:
    """Its total, which has 12 % for fragmentation."""
    step, config = case["step"], case["config"]
    hidden = _first(config, "hidden_size", "n_embd", "dim", "d_model")
    layers = _first(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    if hidden is None or layers is None:
        message = "no width or number of layers to give it"
        raise NotCoveredError(message)
    report = estimate_vram_gb(
        case["model"],
        seq_len=step.get("length", 512),
        batch_size=step.get("batch", 1),
        qlora=step.get("quantization") == "nf4",
        lora=step.get("adapter") is not None,
        gradient_checkpointing=step.get("checkpointing", False),
        params_billion=case["parameters"] / 1e9,
        hidden_size=hidden,
        num_layers=layers,
    )
    return {"total": int(report.metadata["estimated_total_gb"] * GIB)}


def _first(config: dict[str, object], *names: str) -> int | None:
    return next((value for name in names if isinstance(value := config.get(name), int)), None)


serve("peft-doctor", {"peft-doctor": ask}, started=STARTED)
