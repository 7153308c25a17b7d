"""HW065 run-with-eager-attention."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.checks.runs import run

from tunewell.checks.hardware.run_with_eager_attention import run_with_eager_attention
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases

SETTINGS = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}


def ran(
    tokens: float, attention: str | None = "eager", architecture: str = "llama", **fields: object
) -> tuple[Trace]:
    """A run with so many tokens in each step of four rows."""
    return run(
        {"input_tokens": [tokens] * 30},
        **{
            "settings": SETTINGS,
            "attention": attention,
            "architecture": architecture,
            **fields,
        },
    )


class TestRunWithEagerAttention(CheckCases):
    """Rows of 2,048 and fewer tokens."""

    check = run_with_eager_attention
    faulty = {"long rows": ran(4 * 2048)}
    nearly = {
        "short rows": ran(4 * 200),
        "the makers ask for it": ran(4 * 2048, architecture="gemma2"),
        "rows not known": ran(4 * 2048, settings={}),
        "not watched": ran(4 * 2048, attention=None),
    }
    clean = {"sdpa": ran(4 * 2048, attention="sdpa")}


def test_the_watcher_notes_what_the_model_computes_with(tmp_path: Path) -> None:
    """From the configuration of the model."""
    pytest.importorskip("torch", reason="needs the training extra")
    from tests.train.test_watch import train

    from tunewell.readers.logs import read_run
    from tunewell.train.watch import Watch

    train(tmp_path, Watch(announce=None))
    trace = read_run(tmp_path)[0]
    assert (trace.architecture, trace.attention) == ("gpt2", "sdpa")
