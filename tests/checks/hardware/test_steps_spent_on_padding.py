"""HW064 steps-spent-on-padding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.checks.runs import run

from tunewell.checks.hardware.steps_spent_on_padding import steps_spent_on_padding
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases


def given(tokens: int, attended: int | None, count: int = 30) -> tuple[Trace]:
    """Steps of so many tokens, so many of which are no padding."""
    columns = {"input_tokens": [float(tokens)] * count}
    if attended is not None:
        columns["attended_tokens"] = [float(attended)] * count
    return run(columns)


class TestStepsSpentOnPadding(CheckCases):
    """Eight rows of up to 512 tokens."""

    check = steps_spent_on_padding
    faulty = {"rows of 40 tokens padded to 512": given(4096, 320)}
    nearly = {
        "just half": given(4096, 2050),
        "too small to speak of": given(256, 20),
        "few steps": given(4096, 320, count=10),
        "no mask": given(4096, None),
    }
    clean = {"no padding": given(4096, 4096)}


def test_a_trainer_whose_rows_are_padded_to_the_limit(tmp_path: Path) -> None:
    """`padding="max_length"`, and each batch to its own longest row."""
    pytest.importorskip("torch", reason="needs the training extra")
    from tests.planted.measuring import said, trained
    from tests.planted.test_evaluations_of_runs import classifier, learnable
    from tests.preflight import tiny
    from transformers import DataCollatorWithPadding

    tokens = tiny.tokenizer()

    def to_the_limit(rows: Any) -> Any:  # noqa: ANN401  a collator takes rows of any kind
        return tokens.pad(rows, padding="max_length", max_length=128, return_tensors="pt")

    settings: dict[str, Any] = {"rows": learnable(), "max_steps": 24, "eval_strategy": "no"}
    faulty = classifier(tmp_path / "faulty", collator=to_the_limit, **settings)
    (found,) = said([trained(faulty).trace()], "HW064")
    assert "% of the tokens in 24 steps were padding" in found.message
    healthy = classifier(tmp_path / "healthy", collator=DataCollatorWithPadding(tokens), **settings)
    trace = trained(healthy).trace()
    assert trace.column("attended_tokens").values.sum() > 0
    assert not said([trace], "HW064", min_tokens=1)
