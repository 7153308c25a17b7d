"""`tunewell train --guard`: its own trainer, its snapshots, its document."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.train.guard import tiny
from tests.train.test_fit import WORDS, made
from typer.testing import CliRunner

from tunewell.cli.main import app
from tunewell.core.errors import InputError, SettingsError, UserError
from tunewell.core.progress import Silent
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.train.fit import TrainResult, fit
from tunewell.train.guard.guard import Guard


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder that knows the words."""
    return tiny.encoder(tmp_path_factory.mktemp("encoder"), " ".join(WORDS.values()))


@pytest.fixture
def recipe(encoder: Path) -> Recipe:
    """Nine steps of 16 rows an epoch, three epochs."""
    return Recipe(model=str(encoder), learning_rate=3e-3, num_train_epochs=3.0)


@pytest.fixture
def short_of_memory(monkeypatch: pytest.MonkeyPatch) -> tiny.Memory:
    """A machine on which 5 rows fit, in training and, later, in an evaluation."""
    from tunewell.train import model as models

    memory = tiny.Memory(5, "backward", since=4)
    load = models.load_classifier

    def limited(*args: Any, **named: Any) -> Any:  # noqa: ANN401
        memory.step = 4
        return memory.limits(load(*args, **named))

    monkeypatch.setattr(models, "load_classifier", limited)
    return memory


def run(recipe: Recipe, folder: Path, guard: Guard | None = None, **named: Any) -> TrainResult:  # noqa: ANN401
    """`fit` on one thread."""
    named = {"dataset": made(150), **named}
    return fit(recipe, folder=folder, threads=1, guard=guard, **named)


def losses(result: TrainResult) -> list[float]:
    """What was logged."""
    return [float(value) for value in result.trace.column("loss").values]


def test_a_healthy_run_is_bit_equal(recipe: Recipe, tmp_path: Path) -> None:
    """Losses, evaluation and the model that is kept."""
    plain = run(recipe, tmp_path / "a")
    guarded = run(recipe, tmp_path / "b", Guard(announce=None))
    assert losses(plain) == losses(guarded)
    assert plain.trace.kept_step == guarded.trace.kept_step
    assert plain.evaluation is not None
    assert guarded.evaluation is not None
    np.testing.assert_array_equal(plain.evaluation.probabilities, guarded.evaluation.probabilities)
    assert not guarded.trace.interventions
    assert not list((tmp_path / "b").glob("checkpoint-*"))


@pytest.mark.parametrize(
    "change",
    [{}, {"class_weights": "balanced", "label_smoothing": 0.1}, {"focal_gamma": 2.0}],
)
def test_less_memory_same_losses(
    recipe: Recipe, tmp_path: Path, short_of_memory: tiny.Memory, change: dict[str, Any]
) -> None:
    """Class weights, smoothing and focal loss divide by what a batch holds; parts add up to it."""
    uneven = made(150)
    keep = [row for row, label in enumerate(uneven.train.labels) if label != "red" or row % 2]
    train = dataclasses.replace(
        uneven.train,
        texts=[uneven.train.texts[row] for row in keep],
        labels=[uneven.train.labels[row] for row in keep],
        lines=[uneven.train.lines[row] for row in keep],
    )
    recipe = dataclasses.replace(recipe, dropout=0.0, **change)
    short_of_memory.rows = 100
    plain = run(recipe, tmp_path / "a", dataset=Dataset(train=train))
    short_of_memory.rows = 5
    guard = tiny.silent(out_of_memory=True)
    short = run(recipe, tmp_path / "b", guard, dataset=Dataset(train=train))
    assert tiny.kinds(guard) == ["smaller-batch", "smaller-batch"]
    np.testing.assert_allclose(losses(short), losses(plain), rtol=1e-4, atol=1e-5)
    assert short.trace.kept_step == plain.trace.kept_step


def test_too_little_memory_is_one_sentence(
    recipe: Recipe, tmp_path: Path, short_of_memory: tiny.Memory
) -> None:
    """With advice, and no traceback of torch."""
    short_of_memory.rows = 0
    with pytest.raises(UserError, match="a single row does not fit: try gradient_checkpointing"):
        run(recipe, tmp_path, tiny.silent(out_of_memory=True))
    with pytest.raises(torch.OutOfMemoryError):
        run(recipe, tmp_path)


def test_overfitting_keeps_the_best(recipe: Recipe, tmp_path: Path) -> None:
    """Labels at random: the evaluation loss rises, the run stops, the best model is kept."""
    generator = np.random.default_rng(0)
    both = made(120)
    labels = [sorted(WORDS)[place] for place in generator.integers(0, 3, 120)]
    texts = [" ".join(generator.choice(" ".join(WORDS.values()).split(), 6)) for _ in labels]
    noisy = dataclasses.replace(both.train, texts=texts, labels=labels)
    wild = dataclasses.replace(
        recipe, num_train_epochs=40.0, load_best_model_at_end=False, learning_rate=1e-2
    )
    guard = tiny.silent(overfitting=2)
    result = run(wild, tmp_path, guard, dataset=Dataset(train=noisy))
    assert tiny.kinds(guard) == ["stop", "restore-best"]
    assert result.trace.last_step < result.trace.max_steps  # type: ignore[operator]
    judged = result.trace.column("eval_loss")
    best = int(judged.steps[judged.values.argmin()])
    assert result.trace.kept_step == best
    assert result.evaluation is not None
    accuracy = result.trace.column("eval_accuracy")
    at = list(accuracy.steps).index(best)
    assert accuracy.values[at] == pytest.approx(result.evaluation.correct.mean())


class Killed(Silent):
    """Ends the run after some steps, as a closed terminal does."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, units: int = 1) -> None:
        """Count."""
        self.left -= units
        if not self.left:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [4, 12, 20])
def test_a_killed_run_goes_on_from_its_snapshot(recipe: Recipe, tmp_path: Path, after: int) -> None:
    """Dropout, order, early epochs' best and all: what it ends with is bit-equal."""
    recipe = dataclasses.replace(recipe, evals_per_epoch=2)
    plain = run(recipe, tmp_path / "a")
    guard = Guard(announce=None)
    guard.snapshot_seconds = -1.0
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path / "b", guard, progress=Killed(after))
    resumed = run(recipe, tmp_path / "b", guard, resume=True)
    assert resumed.trace.restarts
    begun = resumed.trace.restarts[0].step
    assert 0 < begun < after
    assert resumed.trace.finished
    assert losses(plain) == losses(resumed)
    assert plain.trace.kept_step == resumed.trace.kept_step
    assert plain.evaluation is not None
    assert resumed.evaluation is not None
    np.testing.assert_array_equal(plain.evaluation.probabilities, resumed.evaluation.probabilities)
    assert not list((tmp_path / "b").glob("checkpoint-*"))


def test_resuming_another_training_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    """Where nothing is there, where settings differ, where rows differ."""
    guard = Guard(announce=None)
    guard.snapshot_seconds = -1.0
    with pytest.raises(InputError, match="holds no snapshot to resume from"):
        run(recipe, tmp_path, guard, resume=True)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, tmp_path, guard, progress=Killed(12))
    other = dataclasses.replace(recipe, weight_decay=0.5)
    with pytest.raises(SettingsError, match="another training: weight_decay differ"):
        run(other, tmp_path, guard, resume=True)
    with pytest.raises(SettingsError, match="another training: training rows differ"):
        run(recipe, tmp_path, guard, resume=True, dataset=made(151))
    with pytest.raises(SettingsError, match="only a guarded run leaves snapshots"):
        run(recipe, tmp_path, resume=True)


def written(folder: Path, encoder: Path, **recipe: Any) -> Path:  # noqa: ANN401
    """A project."""
    folder.mkdir()
    rows = made(150).train
    lines = [f"{text},{label}" for text, label in zip(rows.texts, rows.labels, strict=True)]
    (folder / "train.csv").write_text("\n".join(["text,label", *lines]))
    settings = {"model": str(encoder), "learning_rate": 3e-3, "num_train_epochs": 3, **recipe}
    table = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    (folder / "tunewell.toml").write_text(f"[recipe]\n{table}\n")
    return folder


def test_the_command_says_what_was_done(
    encoder: Path, tmp_path: Path, short_of_memory: tiny.Memory
) -> None:
    """On the terminal, in the document, in the report; without --guard it fails as before."""
    project = written(tmp_path / "project", encoder)
    arguments = ["train", str(project), "--runs", str(tmp_path / "runs"), "--threads", "1"]
    result = CliRunner().invoke(app, [*arguments, "--guard", "--exit-zero"])
    assert result.exit_code == 0, result.output
    assert "smaller-batch: out of memory with 16 rows at once" in result.output
    assert short_of_memory.raised == 2
    document = json.loads((tmp_path / "runs" / "train" / "document.json").read_text())
    (section,) = (part for part in document["sections"] if part["id"] == "interventions")
    assert [row[1] for row in section["evidence"][0]["rows"]] == ["smaller-batch"] * 2
    assert "What the guard did" in (tmp_path / "runs" / "train" / "report.html").read_text()
    plain = CliRunner().invoke(app, [*arguments, "--exit-zero"])
    assert isinstance(plain.exception, torch.OutOfMemoryError)


def test_how_without_whether_is_refused(encoder: Path, tmp_path: Path) -> None:
    """Options of the guard ask for the guard."""
    project = written(tmp_path / "project", encoder)
    result = CliRunner().invoke(app, ["train", str(project), "--guard-overfitting", "3"])
    assert result.exit_code == 2
    assert "add --guard" in result.output


@pytest.mark.slow
def test_a_process_that_was_killed_is_resumed(encoder: Path, tmp_path: Path) -> None:
    """By the system, in the middle of a step, from the command line."""
    project = written(tmp_path / "project", encoder)
    script = f"""
import os, signal, sys
from tunewell.train.guard import guard
from tunewell.train.keeper import Keeper
own, start = Keeper.on_step_end, guard.Guard.__init__
def init(self, **named):
    start(self, **named)
    self.snapshot_seconds = -1.0
def on_step_end(self, args, state, control, **parts):
    if state.global_step == 14:
        os.kill(os.getpid(), signal.SIGKILL)
    return own(self, args, state, control, **parts)
guard.Guard.__init__, Keeper.on_step_end = init, on_step_end
from tunewell.cli.main import app
app(["train", {str(project)!r}, "--runs", {str(tmp_path / "runs")!r}, "--guard"])
"""
    killed = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ}, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    arguments = ["train", str(project), "--runs", str(tmp_path / "runs"), "--resume"]
    result = CliRunner().invoke(app, [*arguments, "--exit-zero"])
    assert result.exit_code == 0, result.output
    plain = CliRunner().invoke(
        app, ["train", str(project), "--runs", str(tmp_path / "plain"), "--exit-zero"]
    )
    assert plain.exit_code == 0
    both = [
        json.loads((tmp_path / name / "train" / "document.json").read_text())["facts"]["accuracy"]
        for name in ("runs", "plain")
    ]
    assert both[0] == both[1]
