"""HW052 small-micro-batches."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.checks.hardware.gpus import BERT, SEVEN, gpu, no_gpu

from tunewell.checks.hardware.small_micro_batches import padded, small_micro_batches
from tunewell.core.finding import SetKey
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization
from tunewell.testing import CheckCases, run_check

ONE = Recipe(
    per_device_train_batch_size=1,
    gradient_accumulation_steps=32,
    precision="bf16",
    format="transformers",
)


def rows(length: int) -> Tokenization:
    """A hundred rows of this length."""
    return Tokenization("train", np.full(100, length, dtype=np.int64), None, None)


MIXED = Tokenization("train", np.tile(np.array([20, 20, 20, 400]), 25), None, None)


class TestSmallMicroBatches(CheckCases):
    """BERT, one row at a time."""

    check = small_micro_batches
    faulty = {"one of 32 rows": (ONE, BERT, gpu(40), rows(100))}
    nearly = {
        "long rows": (ONE, BERT, gpu(40), rows(450)),
        "no room for two": (ONE, SEVEN, gpu(24), rows(100)),
        "rows that would be mostly padding": (ONE, BERT, gpu(40), MIXED),
        "fp32 is slower, so that fewer are enough": (
            dataclasses.replace(ONE, precision="fp32"),
            BERT,
            gpu(40),
            rows(100),
        ),
        "an unknown GPU": (ONE, BERT, gpu(40, "Quadro RTX 9999"), rows(100)),
        "a prime number": (
            dataclasses.replace(ONE, gradient_accumulation_steps=31),
            BERT,
            gpu(40),
            rows(100),
        ),
        "on the processor": (ONE, BERT, no_gpu(64), rows(100)),
    }
    clean = {
        "all at once": (
            Recipe(per_device_train_batch_size=32, format="transformers"),
            BERT,
            gpu(40),
            rows(100),
        ),
    }


def test_the_step_sees_the_same_rows() -> None:
    """Eight rows four times in place of one row 32 times: 800 tokens, four times 200."""
    found = run_check(small_micro_batches, (ONE, BERT, gpu(40), rows(100))).findings[0]
    new = {edit.path: edit.new for edit in found.fixes[0].edits if isinstance(edit, SetKey)}
    assert new == {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 4}


def test_the_longest_of_random_batches() -> None:
    """Against batches that are drawn."""
    rng = np.random.default_rng(0)
    lengths = np.maximum(1, rng.lognormal(4, 0.8, 500)).astype(np.int64)
    for count in (1, 4, 16):
        drawn = rng.choice(lengths, size=(20_000, count)).max(axis=1).mean()
        assert abs(padded(lengths, count) / drawn - 1) < 0.03
