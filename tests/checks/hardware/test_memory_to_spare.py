"""HW060 memory-to-spare."""

from __future__ import annotations

from typing import Any

from tests.checks.hardware.gpus import GIB, gpu
from tests.checks.runs import run

from tunewell.checks.hardware.memory_to_spare import memory_to_spare
from tunewell.testing import CheckCases, run_check

SMALL = {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 16}


def held(
    peak: float,
    *,
    between: float = 2.0,
    last: int = 200,
    size: float | None = 80,
    **settings: Any,  # noqa: ANN401  settings have every type
) -> tuple[object, ...]:
    """A run whose peak is so many GiB, with so many between two steps."""
    steps = range(20, last + 1, 20)
    columns = {
        "cuda_allocated_bytes": dict.fromkeys(steps, between * GIB),
        "cuda_peak_bytes": dict.fromkeys(steps, peak * GIB),
        "cuda_peak_reserved_bytes": dict.fromkeys(steps, 1.05 * peak * GIB),
    }
    whole = None if size is None else int(size * GIB)
    return run(columns, settings=settings, gpu_bytes=whole)


class TestMemoryToSpare(CheckCases):
    """Peaks on a GPU of 80 GiB."""

    check = memory_to_spare
    faulty = {
        "one row at a time": held(5, **SMALL),
        "recomputed": held(5, gradient_checkpointing=True),
        "the size by this machine": (*held(5, size=None, **SMALL), gpu(80)),
    }
    nearly = {
        "half full": held(40, **SMALL),
        "seven times would not fit": held(30, gradient_accumulation_steps=7),
        "saves nothing": held(5, per_device_train_batch_size=16),
        "has hardly begun": held(5, last=60, **SMALL),
        "no GPU known": held(5, size=None, **SMALL),
        "on the processor": run({"loss": [1.0] * 200}, settings=SMALL),
    }
    clean = {"full": held(70, **SMALL)}


def test_how_many_times_follows_from_what_was_measured() -> None:
    """3 GiB go with a row, 2 do not: 16 rows take 50 of 80 GiB; 24 would not divide."""
    found = run_check(memory_to_spare, held(5, **SMALL)).findings[0]
    assert found.fixes[0].title == (
        "per_device_train_batch_size=16 with gradient_accumulation_steps=1"
    )
    tight = run_check(memory_to_spare, held(12, **SMALL)).findings[0]
    assert "per_device_train_batch_size=4 " in tight.fixes[0].title
    both = run_check(memory_to_spare, held(5, gradient_checkpointing=True, **SMALL)).findings[0]
    assert len(both.fixes) == 2
