"""Our own answers to what the other tools are asked: the simulation and the formulas."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peers.cases import Measured, Model, trainable
from tunewell.plan.child import simulate
from tunewell.plan.memory import NF4_BYTES, estimate
from tunewell.plan.simulated import NotSimulated

AMPERE = 80
BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
Answers = dict[str, dict[str, Any]]


def simulation(rows: Sequence[Measured]) -> dict[str, Any]:
    """The simulation's answers, in the form of those of a tool.

    `total` is what the process holds: segments and the driver's context. `least` is the smallest
    card on which the step still runs, by giving cached segments back.
    """
    answers: Answers = {}
    begun = time.perf_counter()
    for row, said in zip(rows, simulate([row.step for row in rows]), strict=True):
        if isinstance(said, NotSimulated):
            answers[row.name] = {"reason": said.reason}
            continue
        context = row.step.device.context_bytes
        answers[row.name] = {
            "tensors": said.peak_allocated,
            "total": said.peak_reserved + context,
            "least": said.smallest_capacity + context,
            "phases": {phase.phase: phase.allocated for phase in said.phases},
            "seconds": round(said.seconds, 3),
        }
    seconds = (time.perf_counter() - begun) / max(len(rows), 1)
    return {"package": "", "seconds": round(seconds, 3), "answers": answers}


def formulas(rows: Sequence[Measured], models: Mapping[str, Model]) -> dict[str, dict[str, Any]]:
    """Answers of `tunewell.plan.memory` and of the plain formula, by column."""
    asks: dict[str, Callable[[Measured, Model], dict[str, Any]]] = {
        "Tunewell's closed form": _closed_form,
        "34sbhL": _plain,
    }
    columns = {}
    for name, ask in asks.items():
        begun = time.perf_counter()
        answers = {row.name: ask(row, models[row.name]) for row in rows}
        seconds = (time.perf_counter() - begun) / max(len(rows), 1)
        columns[name] = {"package": "", "seconds": round(seconds, 6), "answers": answers}
    return columns


def _closed_form(row: Measured, model: Model) -> dict[str, Any]:
    step = row.step
    if not _of_tokens(row, model):
        return {"reason": "transformers over tokens only"}
    if not step.adapter and step.autocast is None and step.weights != "fp32":
        return {"reason": "full fine-tuning has fp32 weights there"}
    memory = estimate(
        model.size,
        batch=step.batch,
        length=step.length,
        method=_method(row),
        precision=step.autocast or step.weights,
        checkpointing=step.checkpointing,
        fused_attention=not _makes_the_square(row),
        trainable=trainable(step, model),
    )
    return {"tensors": memory.total, "low": memory.low, "high": memory.high}


def _plain(row: Measured, model: Model) -> dict[str, Any]:
    """Weights, gradients and AdamW's moments, and 34sbhL of activations at 2 bytes.

    Korthikanti et al. 2022 (arXiv 2205.05198): 34 bytes a token and hidden unit of each layer when
    attention is fused or recomputed, and 5as/h more of them when its square is kept. No logits, no
    temporaries. Packed weights are taken as 0.5625 bytes each, all of them.
    """
    step, size = row.step, model.size
    if not _of_tokens(row, model):
        return {"reason": "transformers over tokens only"}
    trained = trainable(step, model)
    weight = NF4_BYTES if step.quantization == "nf4" else BYTES[step.weights]
    a_layer = 34 * step.length * step.batch * size.hidden
    if _makes_the_square(row) and not step.checkpointing:
        a_layer += 5 * size.heads * step.length**2 * step.batch
    adapters = 4 * trained if step.adapter else 0
    states = int(size.parameters * weight) + adapters + 12 * trained
    return {"tensors": states + a_layer * size.layers}


def _of_tokens(row: Measured, model: Model) -> bool:
    """Whether the step's length is a number of tokens and the model has a width for them."""
    return bool(model.size.hidden) and row.step.task not in {
        "image-classification",
        "speech-seq2seq",
    }


def _makes_the_square(row: Measured) -> bool:
    """Whether attention keeps a matrix of length times length.

    PyTorch has no fused kernel for bf16 before Ampere, where it is only emulated.
    """
    step = row.step
    emulated = step.device.capability < AMPERE and "bf16" in {step.autocast, step.weights}
    return step.attention == "eager" or (step.attention == "sdpa" and emulated)


def _method(row: Measured) -> str:
    if row.step.adapter is None:
        return "full"
    return "qlora" if row.step.quantization == "nf4" else "lora"
