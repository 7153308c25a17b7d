"""Tests of the seconds of a whole run."""

from __future__ import annotations

import pytest

from tunewell.plan.run_time import Data, Evaluations, RunTime, Saves, of_run
from tunewell.plan.sampling_rate import Rate
from tunewell.plan.time import Duration

STEP = Duration(low=0.5, likely=1.0, high=2.0, basis="by hand")
RATE = Rate(low=0.001, likely=0.002, high=0.004, rows=500)


def part(run: RunTime, name: str) -> Duration | None:
    """The seconds of one part."""
    return next((each.seconds for each in run.parts if each.name == name), None)


def test_the_whole_is_the_sum_of_its_parts() -> None:
    run = of_run(
        STEP,
        100,
        evaluations=Evaluations(count=2, rows=64, forward=STEP, forward_rows=16),
        saves=Saves(count=3, bytes=2e9),
        data=Data(rows=1000, passed=3000, tokenising=RATE, loading=RATE),
        weights_bytes=4e9,
    )
    assert [each.name for each in run.parts] == [
        "steps",
        "start",
        "evaluations",
        "checkpoints",
        "tokenising",
        "loading",
    ]
    for end in ("low", "likely", "high"):
        total = sum(getattr(each.seconds, end) for each in run.parts)
        assert getattr(run.whole, end) == pytest.approx(total)
    assert run.whole.low < run.whole.likely < run.whole.high


def test_each_part_by_hand() -> None:
    """2 evaluations of 4 batches of a second; 3 times 2 GB at a GB a second; 1,000 rows of 2 ms."""
    run = of_run(
        STEP,
        100,
        evaluations=Evaluations(count=2, rows=64, forward=STEP, forward_rows=16),
        saves=Saves(count=3, bytes=2e9),
        data=Data(rows=1000, passed=3000, tokenising=RATE),
    )
    likely = {each.name: each.seconds.likely for each in run.parts}
    assert likely["steps"] == 100
    assert likely["evaluations"] == pytest.approx(8)
    assert likely["checkpoints"] == pytest.approx(6)
    assert likely["tokenising"] == pytest.approx(2)
    assert "loading" not in likely


def test_nothing_else_is_assumed() -> None:
    """A run of steps alone has its steps and its start; weights take time to read."""
    run = of_run(STEP, 100)
    assert [each.name for each in run.parts] == ["steps", "start"]
    large = of_run(STEP, 100, weights_bytes=14e9)
    assert large.whole.likely == pytest.approx(run.whole.likely + 14)


def test_workers_load_beside_the_steps() -> None:
    """Alone, 100,000 rows of 2 ms wait 200 s; four workers take 50 s, less than the steps take."""
    alone = part(of_run(STEP, 100, data=Data(1, 100_000, loading=RATE)), "loading")
    assert alone is not None
    assert (alone.low, alone.likely, alone.high) == pytest.approx((0.0, 200.0, 400.0))
    beside = part(of_run(STEP, 100, data=Data(1, 100_000, loading=RATE, workers=4)), "loading")
    assert beside is not None
    assert (beside.low, beside.likely, beside.high) == pytest.approx((0.0, 0.0, 0.0))
    bound = part(of_run(STEP, 100, data=Data(1, 400_000, loading=RATE, workers=4)), "loading")
    assert bound is not None
    assert bound.likely == pytest.approx(200 - 100)
