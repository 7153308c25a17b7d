"""MET032 accuracy-too-low-for-loss."""

import math

from hypothesis import given
from hypothesis import strategies as st
from tests.checks.runs import line, run

from tunewell.checks.metrics.accuracy_too_low_for_loss import accuracy_too_low_for_loss
from tunewell.testing import CheckCases, run_check

STEPS = 8
START = {"loss": [math.log(4)] * STEPS}


class TestAccuracyTooLowForLoss(CheckCases):
    """Loss and accuracy of the same predictions, and of others."""

    check = accuracy_too_low_for_loss
    faulty = {
        "tokens by heart": run(
            {"eval_loss": line(2.0, 0.1, STEPS), "eval_token_accuracy": [0.02] * STEPS}
        ),
        "tokens of a language model": run(
            {"loss": [1.5] * STEPS, "mean_token_accuracy": [0.03] * STEPS}
        ),
        "classes in another order": run(
            {**START, "eval_loss": [0.2] * STEPS, "eval_accuracy": [0.1] * STEPS}, classes=4
        ),
    }
    nearly = {
        "an uncertain model": run(
            {"eval_loss": [2.6] * STEPS, "eval_token_accuracy": [0.09] * STEPS}
        ),
        "whole answers of a language model": run(
            {"eval_loss": [0.3] * STEPS, "eval_accuracy": [0.0] * STEPS}
        ),
        "several labels a row": run(
            {"loss": [0.69] * STEPS, "eval_loss": [0.1] * STEPS, "eval_accuracy": [0.2] * STEPS},
            classes=6,
        ),
        "early in the run alone": run(
            {"eval_loss": [0.5] * STEPS, "eval_token_accuracy": [0.0] * 3 + [0.8] * 5}
        ),
    }
    clean = {
        "as it should be": run(
            {**START, "eval_loss": line(1.3, 0.2, STEPS), "eval_accuracy": line(0.4, 0.95, STEPS)},
            classes=4,
        )
    }


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=40))
def test_the_first_bound_holds_for_any_answers(answers: list[tuple[float, bool]]) -> None:
    """No predictions of one label, honest or not, are ever below it.

    Each answer gives the right class a probability; it is the largest one, or the rest has it all.
    """
    right = [share > 0.5 or (chosen and share > 0.34) for share, chosen in answers]
    loss = sum(-math.log(share) for share, _ in answers) / len(answers)
    accuracy = sum(right) / len(answers)
    assert accuracy >= 1 - loss / math.log(2) - 1e-9
    part = {"eval_loss": [loss] * 4, "eval_token_accuracy": [accuracy] * 4}
    # Only the second bound, of honest probabilities, may speak.
    assert not run_check(accuracy_too_low_for_loss, run(part), factor=0.0).findings
