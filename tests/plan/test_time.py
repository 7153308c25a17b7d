"""Tests of the seconds of a step: against runs on a real T4, and what must hold for any step."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plan.test_kernels import works

from tunewell.knowledge import efficiencies, gpus
from tunewell.plan.simulated import Simulated, Work
from tunewell.plan.time import (
    Duration,
    corrected,
    from_peak,
    seconds_of_forward,
    seconds_of_step,
    seconds_of_work,
)

T4 = gpus.resolve("T4").gpu
MEASURED = Path(__file__).with_name("t4_steps.json")
"""Every fifth of the 59 steps that fitcheck-llm 0.3.1 (MIT) measured on a T4, with the work of its
simulation: benchmarks/step_time.py has them all."""


def simulated(work: tuple[Work, ...]) -> Simulated:
    """A simulation with this work; its memory does not matter here."""
    return Simulated(
        peak_allocated=1,
        peak_reserved=1,
        smallest_capacity=1,
        peak_phase="forward",
        phases=(),
        holders=(),
        moments=(),
        work=work,
        parameters=1,
        trainable=1,
        steady=0,
        attention_kernels={},
    )


def test_measured_steps_of_a_t4() -> None:
    """Within 15 % on average, and inside the range."""
    rows = json.loads(MEASURED.read_text())
    errors, inside = [], 0
    for row in rows:
        found = seconds_of_step(simulated(msgspec.convert(row["work"], tuple[Work, ...])), T4)
        errors.append(found.likely / row["seconds"] - 1)
        inside += found.low <= row["seconds"] <= found.high
    assert len(rows) == 12
    assert statistics.fmean(map(abs, errors)) < 0.10
    assert max(map(abs, errors)) < 0.30
    assert inside >= 11


def test_the_table_is_sound() -> None:
    """Every GPU is known, no share is above its peak, and the range holds what is likely."""
    table = efficiencies.measured()
    assert len({each.gpu for each in table}) == len(table) > 0
    for each in table:
        assert gpus.resolve(each.gpu).gpu.name == each.gpu
        shares = [each.matrix_16, each.matrix_32, each.convolution, each.unaligned_16]
        shares += [each.attention_16, each.attention_32]
        shares += [each.bandwidth, each.optimizer_bandwidth]
        assert all(0.02 < share <= 1 for share in shares), each.gpu
        assert each.unaligned_16 < each.matrix_16
        assert 0 < each.kernel_seconds < 2e-5
        launches = [each.forward_launch, each.recompute_launch, each.packing_launch]
        launches += [each.backward_launch, each.optimizer_launch]
        assert all(1e-6 < launch < 1e-3 for launch in launches), each.gpu
        assert 0.3 < each.low <= 1 <= each.high < 3
        assert each.mean_error_percent <= 15


@given(st.lists(works, min_size=1, max_size=8), st.sampled_from([gpu.name for gpu in gpus.table()]))
def test_the_range_holds_what_is_likely_on_every_gpu(some: list[Work], name: str) -> None:
    found = seconds_of_step(simulated(tuple(some)), gpus.resolve(name).gpu)
    assert 0 <= found.low <= found.likely <= found.high


@given(st.lists(works, min_size=1, max_size=8), works)
def test_more_work_is_never_faster_at_either_end(some: list[Work], more: Work) -> None:
    before = seconds_of_step(simulated(tuple(some)), T4)
    after = seconds_of_step(simulated((*some, more)), T4)
    assert before.low <= after.low
    assert before.likely <= after.likely
    assert before.high <= after.high


def test_a_gpu_that_nobody_measured_has_a_wider_range() -> None:
    """The T4's own peaks under another name."""
    work = [
        Work(
            phase="forward", unit="matrix", precision="fp16", operations=1e13, bytes=1e9, kernels=9
        )
    ]
    known = efficiencies.measured()
    own = seconds_of_work(work, T4, known)
    other = seconds_of_work(work, msgspec.structs.replace(T4, name="another"), known)
    assert other.low <= own.low
    assert other.high >= own.high
    assert "none was measured on this one" in other.basis
    assert "on this GPU" in own.basis


def test_what_waits_for_the_host_is_less_certain() -> None:
    """Hosts differ: many small kernels have a wider range than a few large ones."""
    small = Work(
        phase="forward", unit="vector", precision="fp32", operations=0, bytes=0, kernels=9000
    )
    large = msgspec.structs.replace(small, bytes=1e12, kernels=9)
    waits = seconds_of_step(simulated((small,)), T4)
    busy = seconds_of_step(simulated((large,)), T4)
    assert waits.high / waits.low > 1.5 * busy.high / busy.low
    assert "the host cannot launch" in waits.basis
    assert "the host cannot launch" not in busy.basis


def test_the_forward_pass_is_a_part() -> None:
    """Of the whole step, and of nothing else."""
    each = Work(
        phase="forward", unit="vector", precision="fp32", operations=0, bytes=1e9, kernels=9
    )
    step = simulated((each, msgspec.structs.replace(each, phase="backward")))
    assert seconds_of_forward(step, T4).likely == pytest.approx(
        seconds_of_step(step, T4).likely / 2
    )


def test_measured_runs_take_the_place_of_the_range() -> None:
    predicted = Duration(low=0.5, likely=1.0, high=3.0, basis="a guess")
    found = corrected(predicted, factor=1.2, low=1.15, high=1.3, runs=4)
    assert found.likely == pytest.approx(1.2)
    assert found.low == pytest.approx(1.15 * 0.92)
    assert found.high == pytest.approx(1.3 * 1.08)
    assert "4 runs" in found.basis


def test_the_peak_alone_gives_a_wide_range() -> None:
    found = from_peak(T4, parameters=10**8, tokens_per_step=2048, steps=100, half=False)
    assert found.low == pytest.approx(6e8 * 2048 * 100 / (8.1e12 * 0.45))
    assert found.high == pytest.approx(4.5 * found.low)
    assert found.low < found.likely < found.high


def test_many_steps_take_many_times_as_long() -> None:
    found = Duration(low=1.0, likely=2.0, high=4.0, basis="by hand").times(10)
    assert (found.low, found.likely, found.high) == (10, 20, 40)
    assert found.basis == "by hand"
