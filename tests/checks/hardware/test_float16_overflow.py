"""HW031 float16-overflow, on a model with large weights."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.hardware.float16_overflow import float16_overflow
from tunewell.core.finding import Severity
from tunewell.preflight.arguments import recipe_of
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check


def scaled(out: Path, factor: float, **settings: Any) -> Any:  # noqa: ANN401
    """A classifier whose feed-forward weights are so many times as large."""
    model = tiny.encoder(num_labels=3)
    model.bert.encoder.layer[0].intermediate.dense.weight.data.mul_(factor)
    return tiny.classifier(out, model=model, **settings)


@pytest.mark.reproduces("P01")
@pytest.mark.parametrize(
    ("factor", "precision", "found"),
    [(1.0, "fp16", []), (1e6, "fp16", [Severity.ERROR]), (1e6, "bf16", [])],
)
def test_a_real_step(factor: float, precision: str, found: list[Severity], tmp_path: Path) -> None:
    trainer = scaled(tmp_path, factor, **{"bf16": False, precision: True})
    subjects = (tiny.stepped(trainer), recipe_of(trainer))
    assert [f.severity for f in run_check(float16_overflow, subjects).findings] == found


def step(top: float, precision: str = "fp16") -> tuple[ModelState, Recipe]:
    state = ModelState((), 1e-4, largest_activation=top, largest_layer="mlp")
    return (state, Recipe(precision=precision))


class TestFloat16Overflow(CheckCases):
    """Steps written down."""

    check = float16_overflow
    faulty = {"infinite": step(float("inf")), "half of the range": step(40_000.0)}
    nearly = {"a third of it": step(20_000.0), "in bfloat16": step(40_000.0, "bf16")}
    clean = {"small": step(12.0)}
