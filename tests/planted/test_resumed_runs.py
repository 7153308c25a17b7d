"""Faults of runs that were taken up again, planted by really doing so with transformers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.planted.measuring import said, trained
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny

from tunewell.core.finding import Severity
from tunewell.subjects.trace import Trace

ROWS = 96
OWN = ("ADA030", "ADA031", "ADA032", "ADA033")


def classifier(out: Path, **settings: Any) -> Any:
    """A BERT over 96 rows: 12 steps an epoch of batches of 8."""
    tokens = tiny.tokenizer()
    rows = [
        {**tokens(f"{tiny.WORDS[at % 3]} {text}"), "labels": at % 3}
        for at, text in enumerate(tiny.sentences(ROWS))
    ]
    chosen = {
        "per_device_train_batch_size": 8, "learning_rate": 3e-3, "save_strategy": "steps",
        "save_steps": 10, "max_steps": 48, "logging_steps": 2, "eval_strategy": "no", **settings,
    }  # fmt: skip
    return tasks.classifier(out, rows=rows, judged=rows[:8], compute_metrics=None, **chosen)


def resumed(
    out: Path,
    *,
    at: int = 20,
    stop: int = 20,
    between: Callable[[Path], object] | None = None,
    first: dict[str, Any] | None = None,
    **later: Any,
) -> Trace:
    """A run that was stopped after so many steps and resumed from a checkpoint with settings."""
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            control.should_training_stop = state.global_step >= stop

    earlier = classifier(out, **(first or {}))
    earlier.add_callback(Stop())
    trained(earlier)
    if between is not None:
        between(out / f"checkpoint-{at}")
    trainer = classifier(out, **{**(first or {}), **later})
    return trained(trainer, resume=str(out / f"checkpoint-{at}")).trace()


def codes(trace: Trace) -> list[str]:
    """What the checks of restarts say of a run, but information."""
    return [f.code for f in said([trace], *OWN) if f.severity is not Severity.INFO]


@pytest.mark.reproduces("S18")
def test_the_checkpoints_rate_goes_on(tmp_path: Path) -> None:
    """A tenth of the rate is asked for, and the old one is taken."""
    found = said([resumed(tmp_path, learning_rate=3e-4)], *OWN)
    assert [finding.code for finding in found] == ["ADA030"]
    assert "with learning_rate 0.0003 in place of 0.003, and goes on" in found[0].message


@pytest.mark.reproduces("S18")
def test_the_rate_jumps_up_where_the_run_was_made_longer(tmp_path: Path) -> None:
    """It follows from the settings, and is told as information."""
    (found,) = said([resumed(tmp_path, max_steps=120)], *OWN)
    assert (found.code, found.severity) == ("ADA031", Severity.INFO)
    assert "because max_steps from 48 to 120 was changed" in found.message


@pytest.mark.reproduces("S20", "S19")
def test_the_schedule_begins_again(tmp_path: Path) -> None:
    """A checkpoint of weights alone brings no schedule."""
    trace = resumed(tmp_path, first={"save_only_model": True})
    found = said([trace], "ADA031")
    assert found
    assert found[0].severity is Severity.WARNING


@pytest.mark.reproduces("S20")
def test_the_rates_of_steps_that_were_trained_twice_differ(tmp_path: Path) -> None:
    """Stopped at 30, resumed at 20 from a checkpoint whose schedule is lost."""

    def forget(checkpoint: Path) -> None:
        (checkpoint / "scheduler.pt").unlink()
        (checkpoint / "optimizer.pt").unlink()

    trace = resumed(tmp_path, stop=30, between=forget)
    assert said([trace], "ADA031")[0].severity is Severity.WARNING


@pytest.mark.reproduces("S21")
def test_the_epoch_begins_again(tmp_path: Path) -> None:
    """The batches before the restart come again."""
    (found,) = said([resumed(tmp_path, ignore_data_skip=True)], "ADA032")
    assert "8 of the 8 batches after the restart at step 20" in found.message


@pytest.mark.reproduces("S21")
def test_steps_that_were_trained_twice_got_other_rows(tmp_path: Path) -> None:
    """Another seed of the order, as where the random state is not restored."""

    def shuffle(checkpoint: Path) -> None:
        (checkpoint / "rng_state.pth").unlink()

    trace = resumed(tmp_path, stop=32, between=shuffle, first={"seed": 1})
    healthy = said([trace], "ADA032")
    assert not healthy  # the sampler's order does not hang on that state
    other = resumed(tmp_path / "other", stop=32, ignore_data_skip=True)
    (found,) = said([other], "ADA032")
    assert "got other rows" in found.message


@pytest.mark.reproduces("S21")
def test_other_weights_make_the_loss_jump(tmp_path: Path) -> None:
    """The weights of an earlier checkpoint lie in the later one."""

    def older(checkpoint: Path) -> None:
        first = checkpoint.with_name("checkpoint-10") / "model.safetensors"
        shutil.copy(first, checkpoint / "model.safetensors")

    trace = resumed(tmp_path, at=40, stop=40, between=older, first={"max_steps": 72})
    found = said([trace], "ADA033")
    assert found, trace.column("loss").values
    assert "the run does not go on where it was" in found[0].message


@pytest.mark.parametrize(
    ("at", "stop", "settings"),
    [
        (20, 20, {}),
        (20, 30, {}),
        (20, 20, {"lr_scheduler_type": "cosine", "warmup_steps": 4}),
        (10, 10, {"warmup_steps": 12}),
        (30, 30, {"lr_scheduler_type": "constant"}),
        (20, 26, {"gradient_accumulation_steps": 2, "seed": 3}),
    ],
)
def test_a_run_that_was_resumed_well_is_quiet(
    tmp_path: Path, at: int, stop: int, settings: dict[str, Any]
) -> None:
    """Whatever its schedule, and whether steps were trained twice."""
    trace = resumed(tmp_path, at=at, stop=stop, first=settings)
    assert not codes(trace)
    assert trace.restarts[0].step == at


def test_a_run_that_was_never_stopped_has_no_restart(tmp_path: Path) -> None:
    """And the checks say so."""
    trainer = classifier(tmp_path)
    trace = trained(trainer).trace()
    assert not trace.restarts
    assert not codes(trace)
