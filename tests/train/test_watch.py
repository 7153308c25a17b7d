"""The watcher, in a user's own Trainer."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunewell.engine.examine import examine
from tunewell.readers.logs import read_run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)


def train(out: Path, *callbacks: Any, poison: int | None = None, **settings: Any) -> list[float]:  # noqa: ANN401
    """Train a tiny GPT-2 on random tokens and return the logged losses."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback
    from transformers import TrainingArguments as Arguments

    from tunewell.train.quiet import quiet

    class Poison(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
            if state.global_step == poison:
                with torch.no_grad():
                    model.lm_head.weight.fill_(float("nan"))

    with quiet(1):
        torch.manual_seed(0)
        tokens = torch.randint(0, 50, (64, 8))
        rows = [{"input_ids": row, "labels": row} for row in tokens]
        config = GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, n_positions=8)
        trainer = Trainer(
            model=GPT2LMHeadModel(config),
            args=Arguments(
                output_dir=str(out),
                use_cpu=True,
                report_to="none",
                disable_tqdm=True,
                save_strategy="no",
                dataloader_pin_memory=False,
                **{"max_steps": 12, "logging_steps": 2, **settings},
            ),
            train_dataset=rows,
            callbacks=[*callbacks, Poison()],
        )
        trainer.train()
        return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def events(folder: Path) -> list[dict[str, Any]]:
    """The events of a run folder."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_watched_and_unwatched_losses_are_equal(tmp_path: Path) -> None:
    """The watcher touches nothing: bit for bit the same losses, dropout and all."""
    from tunewell.train.watch import Watch

    plain = train(tmp_path / "plain")
    watched = train(tmp_path / "watched", Watch(every=2, announce=None))
    assert plain == watched
    trace, state = read_run(tmp_path / "watched")
    assert trace.finished
    assert trace.train_rows == 64
    assert state is not None
    assert all(tensor.moved for tensor in state.tensors)
    np.testing.assert_allclose(
        trace.column("raw_loss").values, trace.column("loss").values, rtol=1e-4
    )
    assert (tmp_path / "watched" / "tunewell" / "document.json").is_file()
    assert not [
        event for event in events(tmp_path / "watched" / "tunewell") if event["event"] == "broken"
    ]


def test_sees_what_the_log_hides_and_stops(tmp_path: Path) -> None:
    """NaN from step 4 on: the trainer logs 0.0, the watcher names it and ends the run."""
    from tunewell.train.watch import Watch

    said: list[str] = []
    watch = Watch(every=2, announce=said.append, stop_on=("FIT004",))
    losses = train(tmp_path, watch, poison=4, max_steps=400)
    assert 0.0 in losses
    assert len(losses) < 200
    assert any("FIT004 hidden-non-finite" in line for line in said)
    assert len(said) == len(set(said))
    assert "stop" in {event["event"] for event in events(tmp_path / "tunewell")}
    (finding, *_) = examine([read_run(tmp_path)[0]]).findings
    assert finding.code == "FIT004"


def test_the_loss_of_a_step_is_the_mean_of_its_accumulated_batches(tmp_path: Path) -> None:
    """The Trainer divides by all tokens of the step before it differentiates; the sum is right."""
    from tunewell.train.watch import Watch

    train(
        tmp_path,
        Watch(announce=None),
        gradient_accumulation_steps=2,
        per_device_train_batch_size=4,
        logging_steps=1,
    )
    trace, _ = read_run(tmp_path)
    # The Trainer logs the same with five digits.
    np.testing.assert_allclose(
        trace.column("step_loss").values, trace.column("loss").values, rtol=1e-3
    )
    assert set(trace.column("trained_tokens").values) == {2 * 4 * 8}
    assert trace.task == "language"


def test_what_breaks_inside_is_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    """A listener that raises is the watcher's own trouble."""
    from tunewell.train.watch import Watch

    def angry(_: str) -> None:
        message = "no"
        raise ValueError(message)

    losses = train(tmp_path, Watch(every=2, announce=angry), poison=4, max_steps=12)
    assert len(losses) == 6
    assert "broken" in {event["event"] for event in events(tmp_path / "tunewell")}


HOOKS = (
    "begin",
    "step_begins",
    "before_update",
    "after_update",
    "step_ends",
    "passed",
    "log",
    "saw_batch",
    "_on_batch",
    "_on_forward",
    "_on_backward",
    "_take",
    "_flush",
    "_write",
    "_look",
    "end",
)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_watcher_that_fails_never_stops_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """Whatever raises, the losses are those of the unwatched run."""
    from tunewell.train.observer import hooks, observer
    from tunewell.train.watch import Watch

    def broken(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG001
        message = "broken on purpose"
        raise RuntimeError(message)

    safe = (
        hooks.guarded(broken)
        if hasattr(getattr(observer.Observer, hook), "__wrapped__")
        else broken
    )
    monkeypatch.setattr(observer.Observer, hook, safe)
    plain = train(tmp_path / "plain", max_steps=4)
    assert plain == train(tmp_path / "watched", Watch(every=2, announce=None), max_steps=4)


@pytest.mark.parametrize("part", ["_examine", "add", "begin", "finish"])
def test_examination_that_fails_never_stops_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """The same for what looks at the run."""
    from tunewell.train.observer import examiner
    from tunewell.train.watch import Watch

    def broken(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG001
        message = "broken on purpose"
        raise RuntimeError(message)

    monkeypatch.setattr(examiner.Examiner, part, broken)
    assert len(train(tmp_path, Watch(every=2, announce=None), max_steps=4)) == 2


def test_a_full_disk_never_stops_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the third event on nothing can be written."""
    from tunewell.train import recorder
    from tunewell.train.watch import Watch

    real = recorder.Recorder.write
    calls: list[str] = []

    def write(self: recorder.Recorder, event: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401
        calls.append(event)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        return real(self, event, **values)

    monkeypatch.setattr(recorder.Recorder, "write", write)
    assert len(train(tmp_path, Watch(every=2, announce=None), max_steps=4)) == 2
    assert read_run(tmp_path)[0].max_steps == 4


def test_what_an_early_verdict_saves_is_said(tmp_path: Path) -> None:
    """Steps and seconds that the run would still have taken."""
    from tunewell.train.watch import Watch

    said: list[str] = []
    watch = Watch(every=2, announce=said.append, stop_on=("error",))
    train(tmp_path, watch, poison=4, max_steps=400)
    (stop,) = [event for event in events(tmp_path / "tunewell") if event["event"] == "stop"]
    assert stop["steps_left"] > 300
    assert stop["seconds_saved"] > 0
    assert any("stopped by FIT004 hidden-non-finite; 3" in line for line in said)
