"""HW048 shared-memory-too-small."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.checks.hardware.gpus import gpu

from tunewell.checks.hardware.shared_memory_too_small import shared_memory_too_small
from tunewell.core.finding import Severity
from tunewell.subjects.batch import Batch, Collated
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Hardware, Place, Recipe, Written
from tunewell.testing import CheckCases, run_check

MIB = 1024**2


def shm(mib: float | None) -> Machine:
    """A machine with a GPU and so much shared memory."""
    size = None if mib is None else int(mib * MIB)
    return dataclasses.replace(gpu(40), shared_memory_bytes=size)


def workers(count: int, *written: Written, **hardware: Any) -> Recipe:  # noqa: ANN401
    """A recipe with so many workers."""
    return Recipe(
        format="transformers",
        hardware=Hardware(dataloader_num_workers=count, **hardware),
        written=written,
    )


def batch(**shapes: tuple[int, ...]) -> Batch:
    """A batch of these tensors."""
    return Batch("other", Collated("train", (), None, 64, keys=shapes), None)


IMAGES = batch(pixel_values=(64, 3, 336, 336), labels=(64,))
TOKENS = batch(input_ids=(8, 2048), attention_mask=(8, 2048), labels=(8, 2048))
ONE_AHEAD = Written("TrainingArguments", "dataloader_prefetch_factor", 1, Place())


class TestSharedMemoryTooSmall(CheckCases):
    """Images of 336 x 336 pixels, and tokens, through Docker's 64 MiB."""

    check = shared_memory_too_small
    faulty = {
        "one batch is too large": (workers(1), shm(64), IMAGES),
        "eight workers": (workers(8), shm(1024), IMAGES),
        "eight processes": (
            workers(4, world_size=8),
            dataclasses.replace(shm(1024), gpus=8),
            IMAGES,
        ),
    }
    nearly = {
        "no workers": (workers(0), shm(64), IMAGES),
        "tokens are small": (workers(8), shm(64), TOKENS),
        "one batch ahead": (workers(8, ONE_AHEAD), shm(1024), IMAGES),
        "a system without it": (workers(8), shm(None), IMAGES),
    }
    clean = {"room": (workers(8), shm(16 * 1024), IMAGES)}


def test_one_batch_too_large_is_an_error() -> None:
    """It cannot be handed over at all; several that may not all be there are a warning."""
    alone = run_check(shared_memory_too_small, (workers(1), shm(64), IMAGES)).findings[0]
    many = run_check(shared_memory_too_small, (workers(8), shm(1024), IMAGES)).findings[0]
    assert (alone.severity, many.severity) == (Severity.ERROR, Severity.WARNING)
    assert "a batch is 83 MiB" in alone.message
