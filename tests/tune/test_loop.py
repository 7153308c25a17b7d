"""The loop's decisions, in a world whose truth is known: trainings are drawn, not run.

The real trainer is used in test_tune_for_real.py; here every answer of the loop can be checked
against what was put in.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from tunewell.core.progress import Silent
from tunewell.core.proof import Verdict
from tunewell.engine.settings import Settings
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.evaluation import Evaluation
from tunewell.subjects.recipe import Recipe
from tunewell.testing import split, trace
from tunewell.tune.limits import Limits
from tunewell.tune.loop import Session, tune
from tunewell.tune.project import Project
from tunewell.tune.trials import Trial, Trials

CLASSES = ("a", "b", "c", "d")
ROWS = 400


class World:
    """Stands in for trainings: `skill` gives the chance of a right answer under a recipe."""

    def __init__(self, skill: dict[str, float], seconds: float = 1.0) -> None:
        self.skill = skill
        self.seconds = seconds
        self.trained: list[tuple[float, float, int, int]] = []

    def model(self, project: Project) -> Path:
        """Where this world keeps the model."""
        return Path(f"{project.recipe.learning_rate:g}")

    def drop_models(self, keep: Path) -> None:
        """Nothing is kept here."""

    def run(self, project: Project, seed: int) -> Trial:
        """The trial that this recipe and seed have in this world."""
        recipe = project.recipe
        self.trained.append(
            (recipe.learning_rate, recipe.num_train_epochs, len(project.dataset.train), seed)
        )
        chance = self.skill.get(f"{recipe.learning_rate:g}", self.skill["other"])
        if len(project.dataset.train) < 100:
            chance += self.skill.get("repaired", 0.0)
        # The same seed answers the same rows right, as far as the chance allows: that is what
        # matching by seed does to real trainings.
        luck = np.random.default_rng(7).random(ROWS) + np.random.default_rng(seed).normal(0, 0.02)
        right = luck < chance
        given = np.arange(ROWS) % len(CLASSES)
        predicted = np.where(right, given, (given + 1) % len(CLASSES))
        judged = Evaluation(
            name="eval", label_names=CLASSES, given=given, predicted=predicted, texts=None
        )
        return Trial(
            evaluation=judged,
            test=dataclasses.replace(judged, name="test"),
            trace=trace(loss=list(np.linspace(1.4, 0.3, 30)), learning_rate=[1e-5] * 30),
            model_state=None,
            seconds=self.seconds,
            folder=Path("trial"),
        )


def project(rate: float, *, bad_rows: bool = False) -> Project:
    words = [f"message {i} on subject {CLASSES[i % 4]} number {i * 7919 % 1000}" for i in range(99)]
    labels = [CLASSES[i % 4] for i in range(99)]
    if bad_rows:
        words.append("  ")
        labels.append("a")
    else:
        words.append("a whole and quite different message")
        labels.append("a")
    judge = [f"question {i} of {CLASSES[i % 4]} with word {i * 31}" for i in range(40)]
    return Project(
        dataset=Dataset(
            train=split(words, labels),
            evaluation=split(judge, [CLASSES[i % 4] for i in range(40)], name="eval"),
            test=split([f"test {j}" for j in judge], [CLASSES[i % 4] for i in range(40)], "test"),
        ),
        recipe=Recipe(
            learning_rate=rate,
            num_train_epochs=8,
            per_device_train_batch_size=8,
            given=frozenset({"learning_rate"}),
        ),
        model=Path("model"),
    )


def run(world: World, start: Project, **limits: object) -> Session:
    return tune(
        start,
        cast(Trials, world),
        settings=Settings(select=("HYP001", "DAT004", "FIT001")),
        limits=Limits(**limits),  # type: ignore[arg-type]
        progress=Silent(),
    )


def test_a_healthy_project_is_trained_once_and_left_alone() -> None:
    world = World({"other": 0.9})
    session = run(world, project(5e-5))
    assert not session.changed
    assert not session.proofs
    assert {seed for *_, seed in world.trained} == {0}
    assert {run[0] for run in world.trained} == {5e-5}


def test_a_far_off_rate_is_moved_and_proven() -> None:
    world = World({"1e-07": 0.3, "other": 0.9})
    session = run(world, project(1e-7))
    assert session.changed
    assert session.proofs[0].verdict is Verdict.BETTER
    assert session.proofs[0].reason.startswith("HYP001")
    assert session.final.recipe.learning_rate > 1e-6
    accuracy = session.last_word[0]
    assert accuracy.verdict is Verdict.BETTER
    assert accuracy.difference.value == pytest.approx(0.6, abs=0.05)


def test_a_move_that_does_not_help_is_not_kept() -> None:
    world = World({"other": 0.8})
    session = run(world, project(1e-7))
    assert not session.changed
    assert session.proofs
    assert session.final.recipe.learning_rate == 1e-7
    assert not session.last_word


def test_a_move_that_harms_is_not_kept() -> None:
    world = World({"1e-07": 0.9, "other": 0.5})
    session = run(world, project(1e-7))
    assert not session.changed
    assert session.proofs[0].difference.value < 0


def test_bad_rows_are_repaired_and_proven_by_putting_them_back() -> None:
    world = World({"other": 0.8})
    session = run(world, project(5e-5, bad_rows=True))
    assert session.changed
    assert len(session.final.dataset.train) == 99
    assert session.proofs[0].kept
    assert session.proofs[0].reason == "DAT004"
    assert {rows for _, _, rows, _ in world.trained} == {99, 100}


def test_a_repair_that_harms_is_taken_back() -> None:
    world = World({"other": 0.9, "repaired": -0.4})
    session = run(world, project(5e-5, bad_rows=True))
    assert not session.changed
    assert len(session.final.dataset.train) == 100


def test_what_does_not_fit_in_the_time_is_said() -> None:
    world = World({"1e-07": 0.3, "other": 0.9}, seconds=60)
    session = run(world, project(1e-7), seconds=30)
    assert not session.changed
    assert any("no time left" in line for line in session.not_tried)


def test_a_repair_without_time_for_its_experiment_is_kept_and_said() -> None:
    world = World({"other": 0.8}, seconds=60)
    session = run(world, project(5e-5, bad_rows=True), seconds=30)
    assert session.changed
    assert session.last_word
    assert any("without an experiment" in line for line in session.not_tried)


def test_the_same_move_is_tried_once() -> None:
    world = World({"other": 0.8})
    session = run(world, project(1e-7), explore=True)
    targets = [frozenset((e.path, e.new) for e in p.edits) for p in session.proofs]  # type: ignore[union-attr]
    assert len(targets) == len(set(targets))
    assert len(session.proofs) <= 6
