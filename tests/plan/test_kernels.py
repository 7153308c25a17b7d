"""Tests of the seconds of a step's kernels: by hand, and what must hold for any of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.knowledge import gpus
from tunewell.knowledge.efficiencies import Efficiency
from tunewell.plan.kernels import STAGES, on_device, rate, seconds_of
from tunewell.plan.simulated import Work

T4 = gpus.resolve("T4").gpu
A100 = gpus.resolve("A100-80GB").gpu
PHASES = tuple(phase for stage in STAGES for phase in stage)
REACHED = Efficiency(
    gpu="T4",
    matrix_16=0.5,
    unaligned_16=0.1,
    matrix_32=0.8,
    convolution=0.3,
    attention_16=0.25,
    attention_32=0.4,
    bandwidth=0.5,
    optimizer_bandwidth=0.8,
    kernel_seconds=5e-6,
    forward_launch=20e-6,
    recompute_launch=40e-6,
    backward_launch=10e-6,
    optimizer_launch=8e-6,
    packing_launch=100e-6,
    low=0.8,
    high=1.3,
    runs=1,
    models=1,
    mean_error_percent=0,
    command="by hand",
)


def work(**said: Any) -> Work:  # noqa: ANN401  fields of several types
    """A million operations on a megabyte in one kernel, where nothing else is said."""
    usual: dict[str, Any] = {
        "phase": "forward",
        "unit": "matrix",
        "precision": "fp16",
        "operations": 1e6,
        "bytes": 1e6,
        "kernels": 1,
    }
    return Work(**(usual | said))


def test_a_kernel_waits_for_the_slower_of_arithmetic_and_memory() -> None:
    """65 * 0.5 TFLOP/s and 320 * 0.5 GB/s on the T4, and 5 microseconds at least."""
    assert on_device(work(operations=32.5e9), T4, REACHED) == pytest.approx(1e-3 + 5e-6)
    assert on_device(work(bytes=160e6), T4, REACHED) == pytest.approx(1e-3 + 5e-6)
    assert on_device(work(phase="optimizer", bytes=256e6), T4, REACHED) == pytest.approx(
        1e-3 + 5e-6
    )
    assert on_device(work(kernels=100, bytes=0.0, operations=0.0), T4, REACHED) == pytest.approx(
        500e-6
    )


@pytest.mark.parametrize(
    ("gpu", "unit", "precision", "expected"),
    [
        (T4, "matrix", "fp16", 65 * 0.5),
        (T4, "matrix", "fp32", 8.1 * 0.8),
        (T4, "matrix", "bf16", 8.1 * 0.8),  # the T4 only emulates it
        (T4, "attention", "fp32", 8.1 * 0.4),
        (T4, "unaligned", "fp16", 65 * 0.1),
        (T4, "convolution", "fp32", 8.1 * 0.3),  # and has no TF32
        (A100, "matrix", "bf16", 312 * 0.5),
        (A100, "matrix", "fp32", 19.5 * 0.8),
        (A100, "attention", "bf16", 312 * 0.25),
        (A100, "convolution", "fp32", 156 * 0.3),
        (A100, "convolution", "bf16", 312 * 0.3),
    ],
)
def test_rates(gpu: gpus.Gpu, unit: str, precision: str, expected: float) -> None:
    found = rate(work(unit=unit, precision=precision), gpu, REACHED)
    assert found == pytest.approx(expected * 1e12)


def test_the_host_runs_ahead_but_never_behind() -> None:
    """1,000 launches of 20 microseconds wait for nobody; what one phase gains helps the next."""
    many = work(kernels=1000, operations=0.0, bytes=0.0)
    assert seconds_of([many], T4, REACHED).whole == pytest.approx(0.02)
    long = work(operations=32.5e12, kernels=0)
    ahead = seconds_of([long, msgspec.structs.replace(many, phase="backward")], T4, REACHED)
    assert ahead.whole == pytest.approx(1.0 + 0.005)
    assert ahead.host == pytest.approx(0.01)
    behind = seconds_of([many, msgspec.structs.replace(long, phase="backward")], T4, REACHED)
    assert behind.whole == pytest.approx(0.02 + 1.0)
    assert (behind.host, behind.device) == pytest.approx((0.02, 1.005))


works = st.builds(
    Work,
    phase=st.sampled_from(PHASES),
    unit=st.sampled_from(("matrix", "unaligned", "attention", "convolution", "vector")),
    precision=st.sampled_from(("fp32", "bf16", "fp16", "int8")),
    operations=st.floats(0, 1e15),
    bytes=st.floats(0, 1e12),
    kernels=st.integers(0, 100_000),
)


@given(st.lists(works, max_size=8), works)
def test_more_work_never_takes_less_time(some: list[Work], more: Work) -> None:
    before, after = seconds_of(some, T4, REACHED), seconds_of([*some, more], T4, REACHED)
    assert after.whole >= before.whole
    assert before.whole >= max(before.device, before.host) * (1 - 1e-12)
    assert before.whole <= (before.device + before.host) * (1 + 1e-12)


@given(
    st.lists(works, max_size=8),
    st.sampled_from(("tflops_16", "tflops_32", "bandwidth_gb_s")),
    st.floats(1, 100),
)
def test_a_faster_gpu_is_never_slower(some: list[Work], what: str, times: float) -> None:
    faster = msgspec.structs.replace(A100, **{what: getattr(A100, what) * times})
    assert seconds_of(some, faster, REACHED).whole <= seconds_of(some, A100, REACHED).whole


@given(st.lists(works, max_size=8), st.floats(1, 10))
def test_a_faster_host_is_never_slower(some: list[Work], times: float) -> None:
    faster = REACHED.with_host_of(REACHED, times=1 / times)
    assert seconds_of(some, T4, faster).whole <= seconds_of(some, T4, REACHED).whole


def test_what_is_computed_again_belongs_to_the_backward_pass() -> None:
    """In which the host may run ahead; its launches have their own price."""
    again = work(phase="recompute", kernels=1000, operations=0.0, bytes=0.0)
    assert seconds_of([again], T4, REACHED).host == pytest.approx(0.04)
    back = work(phase="backward", operations=32.5e12, kernels=0)
    assert seconds_of([again, back], T4, REACHED).whole == pytest.approx(1.0 + 0.005)


def test_the_order_of_the_work_does_not_matter() -> None:
    some = [work(phase=phase, operations=1e9 * n, kernels=n) for n, phase in enumerate(PHASES, 1)]
    assert seconds_of(some, T4, REACHED) == seconds_of(some[::-1], T4, REACHED)
