"""HW051 checkpointing-not-needed."""

from __future__ import annotations

import dataclasses

from tests.checks.hardware.gpus import BERT, SEVEN, gpu, no_gpu

from tunewell.checks.hardware.checkpointing_not_needed import checkpointing_not_needed
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases

ON = Recipe(
    per_device_train_batch_size=32,
    max_length=128,
    format="transformers",
    hardware=Hardware(gradient_checkpointing=True),
)
LARGE = dataclasses.replace(
    ON, task="sft", method="lora", precision="bf16", max_length=4096, per_device_train_batch_size=8
)

MIXTURE = dataclasses.replace(
    BERT, config={**BERT.config, "model_type": "mistral", "num_local_experts": 8}
)
UNKNOWN = dataclasses.replace(BERT, config={**BERT.config, "model_type": "mamba9"})
LONG = dataclasses.replace(SEVEN, max_length=None)


class TestCheckpointingNotNeeded(CheckCases):
    """BERT, and a model of 7 thousand million values, with checkpointing."""

    check = checkpointing_not_needed
    faulty = {"BERT on 40 GiB": (ON, BERT, gpu(40))}
    nearly = {
        "BERT on a small GPU": (ON, BERT, gpu(6)),
        "a large model": (LARGE, LONG, gpu(80)),
        "packed weights": (
            dataclasses.replace(
                ON, hardware=Hardware(gradient_checkpointing=True, load_in_4bit=True)
            ),
            BERT,
            gpu(40),
        ),
        "experts": (ON, MIXTURE, gpu(40)),
        "an unknown family": (ON, UNKNOWN, gpu(40)),
        "on the processor": (ON, BERT, no_gpu(64)),
        "sharded": (
            dataclasses.replace(
                ON, hardware=Hardware(gradient_checkpointing=True, fsdp={"enabled": True})
            ),
            BERT,
            gpu(40),
        ),
    }
    clean = {"off": (dataclasses.replace(ON, hardware=Hardware()), BERT, gpu(40))}
