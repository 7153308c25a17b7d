"""Stop when the evaluation loss is past its minimum, and keep the best weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.train.guard import tiny
from transformers import EarlyStoppingCallback

from tunewell.facts.curves import is_past_lowest
from tunewell.readers.logs import read_run
from tunewell.train.guard.guard import Guard

BY_HEART: dict[str, Any] = {
    "max_steps": 60,
    "eval_strategy": "steps",
    "eval_steps": 4,
    "learning_rate": 1e-2,
    "logging_steps": 4,
}


def noise_rows(rows: int, seed: int) -> list[dict[str, Any]]:
    """Random tokens: what is learned of some helps with no other."""
    ids = np.random.default_rng(seed).integers(0, tiny.VOCABULARY, (rows, 12))
    return [{"input_ids": row, "labels": row} for row in ids]


def by_heart(out: Path, *callbacks: Any, **settings: Any) -> Any:  # noqa: ANN401
    """A run that learns 16 random rows by heart."""
    return tiny.trainer_of(
        out,
        tiny.language_model(),
        noise_rows(16, 0),
        *callbacks,
        judged=noise_rows(32, 1),
        **{**BY_HEART, **settings},
    )


def test_the_best_weights_are_put_back(tmp_path: Path) -> None:
    """The model afterwards has the lowest evaluation loss seen, and the run folder says so."""
    trainer = by_heart(tmp_path)
    guard = tiny.silent(overfitting=2)
    tiny.trained(trainer, guard)
    judged = tiny.losses(trainer, "eval_loss")
    assert tiny.kinds(guard) == ["stop", "restore-best"]
    assert trainer.state.global_step == 4 * len(judged) < 60
    assert judged[-1] > 1.1 * min(judged)
    assert trainer.evaluate()["eval_loss"] == pytest.approx(min(judged), rel=1e-6)
    best = 4 * (int(np.argmin(judged)) + 1)
    trace, _ = read_run(tmp_path)
    assert trace.kept_step == best
    assert f"the weights of step {best}" in trace.interventions[1].text
    assert [done.kind for done in trace.interventions] == ["stop", "restore-best"]


def test_a_trainer_that_loads_its_best_does_so_itself(tmp_path: Path) -> None:
    """The guard stops, transformers loads the checkpoint."""
    trainer = by_heart(tmp_path, load_best_model_at_end=True, save_strategy="steps", save_steps=4)
    guard = tiny.silent(overfitting=2)
    tiny.trained(trainer, guard)
    assert tiny.kinds(guard) == ["stop", "restore-best"]
    assert "loaded its best checkpoint" in guard.interventions[1].text
    judged = tiny.losses(trainer, "eval_loss")
    assert trainer.evaluate()["eval_loss"] == pytest.approx(min(judged), rel=1e-6)


def test_early_stopping_of_the_user_comes_first(tmp_path: Path) -> None:
    """Its patience of 1 is over before two evaluations lie above; the guard does nothing."""
    trainer = by_heart(
        tmp_path,
        EarlyStoppingCallback(early_stopping_patience=1),
        load_best_model_at_end=True,
        save_strategy="steps",
        save_steps=4,
        metric_for_best_model="eval_loss",
    )
    guard = tiny.silent(overfitting=2)
    tiny.trained(trainer, guard)
    assert trainer.state.global_step < 60
    assert not guard.interventions


def test_a_run_that_learns_is_left_alone(tmp_path: Path) -> None:
    """Rows that follow one rule: the evaluation falls to the end, bit for bit as unguarded."""
    made = []
    for guard in (None, Guard(announce=None)):
        trainer = tiny.trainer_of(
            tmp_path,
            tiny.language_model(0.1),
            tiny.language_rows(),
            judged=tiny.language_rows(32, seed=1),
            **BY_HEART,
        )
        made.append(tiny.trained(trainer, guard))
        assert guard is None or not guard.interventions
    plain, guarded = made
    assert tiny.losses(plain) == tiny.losses(guarded)
    assert tiny.losses(plain, "eval_loss") == tiny.losses(guarded, "eval_loss")
    assert bool((tiny.weights(plain) == tiny.weights(guarded)).all())


def test_more_right_answers_are_no_overfitting(tmp_path: Path) -> None:
    """The loss rises on the wrong answers alone while accuracy rises: the run goes on."""

    def score(_: Any) -> dict[str, float]:  # noqa: ANN401
        score.calls += 1  # type: ignore[attr-defined]
        return {"accuracy": 0.5 + 0.01 * score.calls}  # type: ignore[attr-defined]

    score.calls = 0  # type: ignore[attr-defined]
    trainer = by_heart(tmp_path)
    trainer.compute_metrics = score
    guard = tiny.silent(overfitting=2)
    tiny.trained(trainer, guard)
    assert trainer.state.global_step == 60
    assert not guard.interventions


@pytest.mark.parametrize(
    ("values", "past"),
    [
        ([], False),
        ([1.0], False),
        ([1.0, 0.5, 0.6], False),
        ([1.0, 0.5, 0.6, 0.7], True),
        ([1.0, 0.5, 0.6, 0.54], False),
        ([1.0, 0.5, 0.54, 0.54], False),
        ([1.0, 0.9, 0.5, 0.9, 0.5, 0.9, 0.6, 1.0, 0.7, 0.9], False),
    ],
)
def test_past_the_lowest(values: list[float], *, past: bool) -> None:
    """Two evaluations, a tenth and the curve's own noise above it."""
    assert is_past_lowest(np.array(values), min_past=2) is past


def test_buffers_come_back_too(tmp_path: Path) -> None:
    """A statistic that the model keeps beside its weights belongs to the best step as well."""
    trainer = by_heart(tmp_path)
    model = trainer.model
    model.register_buffer("seen", torch.zeros(1))

    def counts(module: Any, *_: Any) -> None:  # noqa: ANN401
        if module.training:
            module.seen.add_(1)

    count = model.register_forward_hook(counts)
    guard = tiny.silent(overfitting=2)
    tiny.trained(trainer, guard)
    count.remove()
    best = 4 * (int(np.argmin(tiny.losses(trainer, "eval_loss"))) + 1)
    assert int(model.seen) == best
