"""A watched run beside its plan: what is recorded, and what the next plan learns of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.train.test_watch import events, train

from tunewell.core.errors import UserError
from tunewell.plan import corrections
from tunewell.readers.logs import read_run
from tunewell.subjects.prediction import Prediction

pytest.importorskip("torch", reason="needs the training extra")

PLAN = Prediction(
    allocated_bytes=10**9,
    reserved_bytes=2 * 10**9,
    gpu="none",
    architecture="gpt2",
    step="tiny",
    step_seconds=0.01,
)


def watched(folder: Path, **settings: Any) -> Path:  # noqa: ANN401  TrainingArguments
    """Train with a plan, and return the file that the next plan reads."""
    from tunewell.train.watch import Watch

    target = folder / "runs" / "prediction.json"
    corrections.write_prediction(target, PLAN)
    train(folder / "out", Watch(announce=None, prediction=target), **settings)
    return target.with_name(corrections.NAME)


def test_a_finished_run_teaches(tmp_path: Path) -> None:
    """On the processor it measures time alone."""
    known = corrections.read(watched(tmp_path, max_steps=30))
    trace = read_run(tmp_path / "out")[0]
    assert trace.prediction == PLAN
    assert trace.parameters
    assert trace.parameters == trace.trainable
    (line,) = known
    assert (line.step, line.steps, line.predicted_seconds) == ("tiny", 30, 0.01)
    assert line.measured_seconds == pytest.approx(
        trace.column("step_seconds").values[3:].mean(), rel=0.5
    )
    factors = corrections.factors(known, gpu="none", architecture="gpt2")
    assert factors.allocated is None
    train(tmp_path / "again")  # a run without a plan
    assert len(corrections.read(tmp_path / "runs" / corrections.NAME)) == 1


def test_a_run_that_is_too_short_teaches_nothing(tmp_path: Path) -> None:
    """Its prediction is recorded all the same."""
    assert not watched(tmp_path, max_steps=6).exists()
    assert events(tmp_path / "out" / "tunewell")[0]["prediction"]["step"] == "tiny"


def test_a_plan_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    """Before anything trains."""
    from tunewell.train.watch import Watch

    with pytest.raises(UserError, match="cannot be read"):
        Watch(prediction=tmp_path / "none.json")


def test_tokens_of_a_step_are_counted_with_their_padding(tmp_path: Path) -> None:
    """Eight rows of eight tokens, twice a step."""
    from tunewell.train.watch import Watch

    train(tmp_path, Watch(announce=None), gradient_accumulation_steps=2)
    trace = read_run(tmp_path)[0]
    assert set(trace.column("input_tokens").values) == {2 * 8 * 8}


def test_a_loop_teaches_too(tmp_path: Path) -> None:
    """Watched without a Trainer."""
    import torch

    from tunewell import watch

    target = tmp_path / "prediction.json"
    corrections.write_prediction(target, PLAN)
    model = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", announce=None, prediction=target):
        for _ in range(30):
            optimizer.zero_grad()
            model(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()
    (line,) = corrections.read(tmp_path / corrections.NAME)
    assert (line.step, line.steps) == ("tiny", 30)


def test_what_cannot_be_written_does_not_harm_the_run(tmp_path: Path) -> None:
    """The corrections are a folder here: the run ends as it would, and that is said."""
    from tunewell.train.watch import Watch

    target = tmp_path / "prediction.json"
    corrections.write_prediction(target, PLAN)
    (tmp_path / corrections.NAME).mkdir()
    told: list[str] = []
    train(tmp_path / "out", Watch(announce=told.append, prediction=target), max_steps=30)
    assert events(tmp_path / "out" / "tunewell")[-1]["reason"] == "finished"
    assert any("the watcher failed in end" in line for line in told)
