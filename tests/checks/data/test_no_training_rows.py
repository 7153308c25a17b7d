"""DAT123 no-training-rows."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.no_training_rows import no_training_rows
from tunewell.preflight import trial
from tunewell.testing import CheckCases, run_check

LONG = " ".join(tiny.WORDS)


def too_long(count: int) -> list[dict[str, str]]:
    """Preferences of which so many have a prompt of 60 tokens."""
    rows = tasks.pairs()
    for row in rows[:count]:
        row["prompt"] = f"{LONG} {LONG}"
    return rows


def filtered(out: Path) -> Thing:
    trainer = tasks.classifier(out)
    trainer.train_dataset = trainer.train_dataset.filter(lambda row: row["labels"] > 7)
    return trainer


@pytest.mark.reproduces("R03")
class TestNoTrainingRows(CheckCases):
    """Rows that TRL itself takes out."""

    check = no_training_rows
    faulty = Live(
        trial.PROBE,
        prompts_that_fill_the_length=lambda out: tasks.dpo(out, rows=too_long(24), max_length=30),
        rewards_that_do_not_fit=lambda out: tasks.reward(out, rows=too_long(24), max_length=30),
        filtered=filtered,
    )
    nearly = Live(trial.PROBE, some=lambda out: tasks.dpo(out, rows=too_long(20), max_length=30))
    clean = Live(trial.PROBE, healthy=tasks.classifier, streamed=tasks.streamed)

    def test_the_length_is_the_advice(self) -> None:
        """Of preferences, which TRL drops without a word."""
        case = self.faulty["prompts that fill the length"]
        found = run_check(no_training_rows, case).findings[0]
        assert found.fixes[0].title.startswith("raise max_length")
