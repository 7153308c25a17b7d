"""MET025 generation-shorter-than-targets."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.generation_shorter_than_targets import (
    generation_shorter_than_targets,
)
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def long_targets() -> list[dict[str, list[int]]]:
    """Targets of 41 tokens."""
    rows = tasks.translated()
    for row in rows:
        row["labels"] = [*[9] * 40, 1]
    return rows


def limited_by_the_model(out: Path, limit: int) -> Thing:
    model = tiny.seq2seq()
    model.generation_config.max_new_tokens = limit
    return tasks.translator(out, rows=long_targets(), model=model, generation_max_length=None)


@pytest.mark.reproduces("E09")
class TestGenerationShorterThanTargets(CheckCases):
    """A real T5 and its limits."""

    check = generation_shorter_than_targets
    faulty = Live(
        evaluate.PROBE,
        default=lambda out: tasks.translator(out, rows=long_targets(), generation_max_length=None),
        too_low=lambda out: tasks.translator(out, rows=long_targets(), generation_max_length=30),
    )
    nearly = Live(
        evaluate.PROBE,
        just_enough=lambda out: tasks.translator(
            out, rows=long_targets(), generation_max_length=42
        ),
        limit_of_the_model=lambda out: limited_by_the_model(out, 41),
        loss_alone=lambda out: tasks.translator(
            out, rows=long_targets(), predict_with_generate=False, compute_metrics=None
        ),
    )
    clean = Live(evaluate.PROBE, short_targets=tasks.translator)

    def test_the_default_is_told(self) -> None:
        """20 tokens, where nobody says more."""
        said = run_check(generation_shorter_than_targets, self.faulty["default"]).findings[0]
        assert said.message.startswith("evaluation may write 20 tokens, and 100 % of the targets")
