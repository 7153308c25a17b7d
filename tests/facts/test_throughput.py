"""Tokens a second, and what of the GPU's peak that is."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tunewell.facts.throughput import throughput
from tunewell.subjects.trace import Trace
from tunewell.testing import trace


def watched(**fields: Any) -> Trace:  # noqa: ANN401  a trace has fields of every type
    """Twenty steps of 1,000 tokens in half a second each, after three slow ones."""
    told = trace(
        step_seconds=[9.0] * 3 + [0.4] * 20,
        data_seconds=[5.0] * 3 + [0.1] * 20,
        input_tokens=[1000.0] * 23,
        attended_tokens=[750.0] * 23,
    )
    said: dict[str, Any] = {
        "parameters": 10**9,
        "trainable": 10**9,
        "gpu_name": "NVIDIA A100-SXM4-40GB",
        "settings": {"bf16": True, "fp16": False},
    }
    return dataclasses.replace(told, **{**said, **fields})


def test_rates_and_share_of_the_peak() -> None:
    """2,000 tokens a second of a thousand million parameters: 12 of 312 x 10^12."""
    found = throughput(watched())
    assert found is not None
    assert found.tokens == pytest.approx(2000)
    assert found.useful_tokens == pytest.approx(1500)
    assert found.operations == pytest.approx(12e12)
    assert found.share_of_peak == pytest.approx(12 / 312)
    assert "312 x 10^12 a second of the A100-SXM4-40GB in 16 bits" in found.definition


def test_frozen_parameters_take_a_third_less() -> None:
    """The gradient of their weights is not computed."""
    found = throughput(watched(trainable=0))
    assert found is not None
    assert found.operations == pytest.approx(8e12)


def test_what_is_not_known_is_left_out() -> None:
    """The GPU, the precision, the parameters, or all of it."""
    missing: tuple[dict[str, Any], ...] = (
        {"gpu_name": None},
        {"settings": {}},
        {"gpu_name": "Quadro RTX 9999"},
    )
    for fields in missing:
        found = throughput(watched(**fields))
        assert found is not None
        assert found.operations
        assert found.share_of_peak is None
    found = throughput(watched(parameters=None))
    assert found is not None
    assert found.operations is None
    assert throughput(trace(step_seconds=[0.5] * 20)) is None
    fp32 = throughput(watched(settings={"bf16": False, "fp16": False}))
    assert fp32 is not None
    assert fp32.share_of_peak == pytest.approx(12 / 19.5)
