"""MET036 evaluated-too-seldom."""

from tests.checks.runs import line, run

from tunewell.checks.metrics.evaluated_too_seldom import evaluated_too_seldom
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check

LOSSES = dict(enumerate(line(2.0, 1.0, 200), start=1))
RUNTIME = {"train_runtime": 3600.0}
TIMED = {"loss": LOSSES, "eval_loss": {100: 1.4, 200: 1.0}}


class TestEvaluatedTooSeldom(CheckCases):
    """An hour of 200 steps."""

    check = evaluated_too_seldom
    faulty = {
        "two that cost nothing": run(
            {**TIMED, "eval_runtime": {100: 4.0, 200: 4.0}}, summary=RUNTIME
        ),
        "a sharp turn": run({"loss": LOSSES, "eval_loss": {50: 2.0, 100: 0.5, 150: 1.1, 200: 1.3}}),
    }
    nearly = {
        "two that cost much": run(
            {**TIMED, "eval_runtime": {100: 400.0, 200: 400.0}}, summary=RUNTIME
        ),
        "nobody timed it": run(TIMED),
        "near nothing": run(
            {"loss": LOSSES, "eval_loss": {50: 0.3, 100: 0.02, 150: 0.05, 200: 0.06}}
        ),
        "a short run": run(
            {"loss": [1.0] * 40, "eval_loss": {40: 1.0}, "eval_runtime": {40: 1.0}}, summary=RUNTIME
        ),
        "more to come": run(
            {"loss": LOSSES, "eval_loss": {100: 1.4, 200: 1.0}, "eval_runtime": {100: 4.0}},
            finished=False,
            max_steps=1000,
        ),
    }
    clean = {
        "ten": run({"loss": LOSSES, "eval_loss": {20 * at: 2.0 - at / 10 for at in range(1, 11)}})
    }


def test_it_is_information() -> None:
    """One evaluation an epoch is what most people do."""
    for subjects in TestEvaluatedTooSeldom.faulty.values():
        assert run_check(evaluated_too_seldom, subjects).findings[0].severity is Severity.INFO
