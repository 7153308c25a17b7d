"""Closed forms of schedules against transformers' own, and what the log of a run tells."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.checks.curves import run

from tunewell.facts.epochs import passes, steps_a_pass
from tunewell.facts.layers import longest_path, path, rate_at
from tunewell.facts.schedules import (
    KNOWN,
    Schedule,
    by_rate,
    closest,
    schedule_of,
    warmup_of,
    zero_from,
)
from tunewell.subjects.trace import Column

with_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)


def rates(values: list[float] | NDArray[np.float64]) -> Column:
    """Rates of steps 1, 2, 3 ..."""
    return Column(np.arange(1, len(values) + 1), np.asarray(values, dtype=np.float64))


@with_torch
@pytest.mark.parametrize("kind", sorted(KNOWN))
@pytest.mark.parametrize("warmup", [0, 7])
def test_the_closed_form_is_that_of_transformers(kind: str, warmup: int) -> None:
    """Step by step, and beyond the end, where a cosine rises again."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(kind, optimizer, warmup, 40)
    seen = []
    for _ in range(60):
        seen.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    warm = 0 if kind == "constant" else warmup
    form = Schedule(kind, warm, 40).factor(np.arange(60, dtype=np.float64))
    np.testing.assert_allclose(form, seen, atol=1e-9)


@given(
    st.sampled_from(sorted(KNOWN)), st.integers(0, 20), st.integers(30, 200),
    st.floats(1e-7, 1.0), st.sampled_from([0, 1]), st.sampled_from([1.0, 2.0, 4.0, 0.5, 0.25]),
)  # fmt: skip
def test_a_logged_form_fits_itself(
    kind: str, warmup: int, total: int, height: float, later: int, speed: float
) -> None:
    """At any height, by both ways of logging, at its own pace."""
    schedule = Schedule(kind, warmup, total)
    steps = np.floor((np.arange(1, total + 1) - later) * speed)
    logged = rates(height * schedule.factor(steps))
    if not np.any(logged.values):
        return
    assert closest(logged, schedule, speed=speed) < 1e-6


def test_warm_up_by_steps_or_by_share() -> None:
    assert warmup_of({}, 100) == 0
    assert warmup_of({"warmup_steps": 7, "warmup_ratio": 0.5}, 100) == 7
    assert warmup_of({"warmup_steps": 0.1}, 100) == 10
    assert warmup_of({"warmup_steps": 0, "warmup_ratio": 0.03}, 100) == 3
    assert warmup_of({"warmup_steps": "a tenth"}, 100) is None


def test_a_schedule_by_any_of_its_names() -> None:
    for name in ("cosine", "SchedulerType.COSINE", "COSINE"):
        made = run(max_steps=10, settings={"lr_scheduler_type": name}, loss=[1.0])
        assert schedule_of(made) == Schedule("cosine", 0, 10)
    assert schedule_of(run(settings={"lr_scheduler_type": "cosine"}, loss=[1.0])) is None
    other = {"lr_scheduler_type": "inverse_sqrt"}
    assert schedule_of(run(max_steps=10, settings=other, loss=[1.0])) is None


@given(st.lists(st.floats(0, 1), max_size=30), st.integers(0, 10))
def test_zeros_at_the_end_are_counted_from_their_first(values: list[float], zeros: int) -> None:
    logged = rates([*values, 1.0, *[0.0] * zeros])
    assert zero_from(logged) == (len(values) + 1 if zeros else None)


@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=50))
def test_over_the_sum_of_rates_a_curve_stays_in_order(values: list[float]) -> None:
    made = run(learning_rate=values, loss=[1.0] * len(values))
    moved = by_rate(made, made.column("loss"))
    assert (np.diff(moved.steps) >= 0).all()
    assert moved.steps[-1] == pytest.approx(1e6, abs=2)
    np.testing.assert_array_equal(moved.values, made.column("loss").values)


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 6))
def test_each_point_is_in_the_pass_that_its_steps_are_of(
    length: int, every: int, count: int
) -> None:
    steps = np.arange(every, count * length + 1, every)
    made = run(
        epoch={int(step): step / length for step in steps},
        loss={int(step): 1.0 for step in steps},
    )
    losses = made.column("loss")
    for part in passes(made, losses, 1):
        for place in part.places.tolist():
            last = int(losses.steps[place])
            of = {(step - 1) // length for step in range(last - every + 1, last + 1)}
            assert of == {part.number}


def test_steps_of_a_pass_that_changed_are_not_told() -> None:
    made = run(epoch={10: 1.0, 20: 2.0, 30: 3.0, 40: 3.5, 50: 4.0, 60: 4.5}, loss=[1.0])
    assert steps_a_pass(made) is None
    assert steps_a_pass(run(epoch={10: 0.5, 20: 1.0, 30: 1.5}, loss=[1.0])) == 20


@given(st.floats(0, 1), st.integers(1, 50), st.integers(50, 100))
def test_a_constant_ratio_makes_a_path_of_all_steps(ratio: float, first: int, last: int) -> None:
    column = Column(np.array([first, last]), np.array([ratio, ratio]))
    assert path(column, 200) == pytest.approx(200 * ratio)


def test_the_rate_between_logs() -> None:
    made = run(learning_rate={10: 1.0, 20: 0.0}, loss=[1.0])
    np.testing.assert_allclose(rate_at(made, np.array([5, 15, 25])), [1.0, 0.5, 0.0])
    assert np.isnan(rate_at(run(loss=[1.0]), np.array([5]))).all()
    assert longest_path(made) is None
