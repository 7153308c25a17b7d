"""MET003 wrong-checkpoint-kept."""

import dataclasses
from typing import Any

from tunewell.checks.metrics.wrong_checkpoint_kept import wrong_checkpoint_kept
from tunewell.core.finding import Severity
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases, run_check, trace

LOSSES = {10: 1.0, 20: 0.5, 30: 0.6, 40: 0.8}


def run(kept: int | None, losses: dict[int, float] | None = None, **fields: Any) -> tuple[Trace]:  # noqa: ANN401
    """A run that kept the model of one step."""
    return (dataclasses.replace(trace(eval_loss=losses or LOSSES), kept_step=kept, **fields),)


class TestWrongCheckpointKept(CheckCases):
    """Best at step 20."""

    check = wrong_checkpoint_kept
    faulty = {
        "the last kept": run(40),
        "chosen backwards": run(10, greater_is_better=True, metric_for_best="loss"),
    }
    nearly = {
        "a little worse": run(40, {10: 1.0, 20: 0.5, 30: 0.51, 40: 0.52}),
        "six values, and worse by a small part of what was learned": run(
            60, {10: 1.06, 20: 0.54, 30: 0.18, 40: 0.07, 50: 0.059, 60: 0.089}
        ),
        "not known": run(None),
    }
    clean = {"the best kept": run(20)}


def test_it_says_whether_the_better_one_is_left() -> None:
    """On disk, gone, and not known."""
    for saved, words in (
        ((20, 40), "step 20 had 0.5, and checkpoint-20 is still on disk"),
        ((30, 40), "step 20 had 0.5, and its checkpoint is not on disk"),
        ((), "step 20 had 0.5"),
    ):
        (finding,) = run_check(wrong_checkpoint_kept, run(40, saved_steps=saved)).findings
        assert finding.message.endswith(words)


def test_a_kept_model_that_is_right_as_often_is_information() -> None:
    """The loss rises because it is surer of its errors; where accuracy falls it is a warning."""
    for last, severity in ((0.9375, Severity.INFO), (0.7, Severity.WARNING)):
        made = trace(
            eval_loss=LOSSES,
            eval_accuracy={10: 0.6, 20: 0.94, 30: 0.94, 40: last},
            eval_runtime=dict.fromkeys(LOSSES, 2.0),
            eval_samples_per_second=dict.fromkeys(LOSSES, 80.0),
        )
        subjects = (dataclasses.replace(made, kept_step=40),)
        (finding,) = run_check(wrong_checkpoint_kept, subjects).findings
        assert finding.severity is severity
