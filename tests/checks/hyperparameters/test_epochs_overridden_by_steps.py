"""HYP017 epochs-overridden-by-steps."""

from pathlib import Path

from tests.preflight import tiny

from tunewell.checks.hyperparameters.epochs_overridden_by_steps import epochs_overridden_by_steps
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, dataset, run_check

ROWS = dataset([f"text {n}" for n in range(100)], ["a", "b"] * 50)


def both(steps: int, epochs: float, *given: str) -> Recipe:
    return Recipe(
        max_steps=steps,
        num_train_epochs=epochs,
        per_device_train_batch_size=4,
        given=frozenset(given or ("max_steps", "num_train_epochs")),
    )


class TestEpochsOverriddenBySteps(CheckCases):
    """Steps that cut the epochs short, that go on and on, and that agree."""

    check = epochs_overridden_by_steps
    faulty = {
        "a few rows of ten epochs": (both(3, 10), ROWS),
        "half the epochs": (both(38, 3), ROWS),
        "forty passes that nobody asked for": (both(1000, 1), ROWS),
        "the data is not at hand": (both(300, 3),),
    }
    nearly = {
        "about as many as the epochs": (both(74, 3), ROWS),
        "a little more": (both(100, 3), ROWS),
        "many epochs, as written": (both(500, 20), ROWS),
        "one epoch, which means little": (both(300, 1),),
        "only the steps were chosen": (both(3, 3, "max_steps"), ROWS),
    }
    clean = {
        "epochs alone": (both(-1, 3, "num_train_epochs"), ROWS),
        "nothing": (Recipe(), ROWS),
    }


def test_the_real_trainer_stops_without_a_word(tmp_path: Path) -> None:
    """Ten epochs are written; it ends after three steps."""
    trainer = tiny.classifier(tmp_path, num_train_epochs=10, max_steps=3)
    tiny.train(trainer)
    assert trainer.state.global_step == 3
    assert trainer.state.epoch < 1


def test_without_the_data_it_is_advice() -> None:
    """Whether it matters is not known."""
    found = run_check(epochs_overridden_by_steps, (both(300, 3),)).findings[0]
    assert found.severity is Severity.INFO
    found = run_check(epochs_overridden_by_steps, (both(3, 10), ROWS)).findings[0]
    assert "covers 0.12 epochs of 100 rows, not 10" in found.message
