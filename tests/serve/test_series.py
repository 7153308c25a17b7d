"""A page that is told only what changed holds what the series holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tunewell.serve.series import Series

VALUES = st.floats(width=32) | st.just(math.nan)
POINTS = st.lists(st.tuples(st.integers(0, 60), VALUES), max_size=30)
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["add", "extend", "back", "become", "look"]), POINTS), max_size=12
)


def columns(points: list[tuple[int, float]]) -> tuple[Any, Any]:
    """Steps and values, rising, as a reader gives them."""
    known = dict(points)
    steps = sorted(known)
    return np.array(steps, dtype=np.int64), np.array([known[step] for step in steps])


def taken(held: dict[str, list[Any]], sent: dict[str, Any]) -> dict[str, list[Any]]:
    """What a page holds after a message."""
    return {
        part: [*held.get(part, [])[: sent["from"]], *sent[part]]
        for part in ("s", "v", "lo", "hi")
        if part in sent
    }


@given(ACTIONS, st.sampled_from([3, 8, 1000]))
def test_deltas_add_up(actions: list[tuple[str, list[tuple[int, float]]]], drawn: int) -> None:
    series = Series(drawn)
    held: dict[str, list[Any]] = {}
    known = 0
    for revision, (action, points) in enumerate(actions, start=1):
        steps, values = columns(points)
        if action == "add":
            for step, value in points:
                series.add(step, value, revision)
        elif action == "extend":
            series.extend(steps.tolist(), values.tolist(), revision)
        elif action == "back" and points:
            series.go_back(points[0][0], revision)
        elif action == "become":
            series.become(steps, values, revision)
            np.testing.assert_array_equal(np.array(series.values), values)
            np.testing.assert_array_equal(np.array(series.steps), steps)
        elif action == "look":
            held, known = taken(held, series.since(known)), revision
    held = taken(held, series.since(known))
    whole = taken({}, series.since(-1))
    assert held == whole
    assert list(series.steps) == sorted(set(series.steps))
    assert len(whole["s"]) <= drawn


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_no_spike_is_lost(values: list[float]) -> None:
    """However few buckets: the lowest and the highest value are among what is sent."""
    series = Series(10)
    for step, value in enumerate(values):
        series.add(step, value, 1)
    sent = series.since(0)
    assert len(sent["s"]) <= 10
    low, high = (sent["lo"], sent["hi"]) if sent["w"] > 1 else (sent["v"], sent["v"])
    assert min(low) == float(f"{min(values):.6g}")
    assert max(high) == float(f"{max(values):.6g}")


def test_a_lost_value_stays_lost_in_a_bucket() -> None:
    series = Series(4)
    for step in range(16):
        series.add(step, math.nan if step in {5, 12, 13, 14, 15} else 2.0, 1)
    sent = series.since(0)
    assert sent["v"] == [2.0, 2.0, 2.0, None]
    assert sent["lost"] == [0, 1, 0, 4]


def test_a_long_series_is_sent_about_twice() -> None:
    """Counted in points: what a page is sent over a run of 20,000 steps, looked at every 50."""
    series = Series(1000)
    known, sent = 0, 0
    for revision in range(1, 401):
        for step in range(50):
            series.add(50 * revision + step, 1.0, revision)
        sent += len(series.since(known)["s"])
        known = revision
    assert sent < 12_000
