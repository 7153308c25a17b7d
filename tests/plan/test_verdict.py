"""Verdicts at their bounds, and against runs on a GPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunewell.plan.verdict import verdict_of

GIB = 1024**3
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "gpu_memory"


@pytest.mark.parametrize(
    ("capacity", "verdict"),
    [
        (10.21 * GIB, "fits"),
        (10.1 * GIB, "tight"),
        (8.0 * GIB, "tight"),
        (7.93 * GIB, "tight"),
        (7.91 * GIB, "does-not-fit"),
    ],
)
def test_two_per_cent_to_spare_fit_and_one_below_the_least_does_not(
    capacity: float, verdict: str
) -> None:
    assert verdict_of(10 * GIB, 8 * GIB, int(capacity)) == verdict


def test_no_run_on_the_gpu_went_against_its_verdict() -> None:
    report = json.loads((RESULTS / "h200_verdicts.json").read_text())
    assert len(report["rows"]) >= 60
    for row in report["rows"]:
        assert (row["verdict"], row["happened"]) != ("fits", "out-of-memory"), row["name"]
        assert (row["verdict"], row["happened"]) != ("does-not-fit", "ran"), row["name"]


def test_every_first_advice_ran_on_the_gpu() -> None:
    report = json.loads((RESULTS / "h200_verdicts.json").read_text())
    assert report["advice"]["cases"] == report["advice"]["ran"] == 12
