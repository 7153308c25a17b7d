"""HW063 more-memory-than-planned."""

from __future__ import annotations

from tests.checks.hardware.gpus import GIB
from tests.checks.runs import run

from tunewell.checks.hardware.more_memory_than_planned import more_memory_than_planned
from tunewell.subjects.prediction import Prediction
from tunewell.subjects.trace import Intervention, Trace
from tunewell.testing import CheckCases

PLAN = Prediction(
    allocated_bytes=10 * GIB, reserved_bytes=11 * GIB, gpu="L4", architecture="llama", step="a"
)
SMALLER = (Intervention(3, "smaller-batch", "4 rows in place of 8"),)


def ran(gib: float, plan: Prediction | None = PLAN, **fields: object) -> tuple[Trace]:
    """A run whose peak is so many GiB."""
    return run({"cuda_peak_bytes": [gib * GIB] * 20}, prediction=plan, **fields)


class TestMoreMemoryThanPlanned(CheckCases):
    """Peaks beside a plan of 10 GiB."""

    check = more_memory_than_planned
    faulty = {"a third more": ran(13.3)}
    nearly = {
        "within a tenth": ran(10.9),
        "less": ran(6.0),
        "a guard made its batches smaller": ran(13.3, interventions=SMALLER),
        "no plan": ran(13.3, None),
        "not measured": run({"loss": [1.0] * 20}, prediction=PLAN),
    }
    clean = {"as planned": ran(10.0)}
