"""FIT047 trained-in-evaluation-mode."""

from tests.checks.curves import run

from tunewell.checks.fit.trained_in_evaluation_mode import trained_in_evaluation_mode
from tunewell.testing import CheckCases, run_check

LEFT = run(evaluation_mode=[0.0] * 50 + [1.0] * 50, eval_loss={50: 1.0, 100: 1.1})


class TestTrainedInEvaluationMode(CheckCases):
    """Steps at which the model was not in training mode."""

    check = trained_in_evaluation_mode
    faulty = {
        "after an evaluation": (LEFT,),
        "from the start": (run(evaluation_mode=[1.0] * 20),),
    }
    nearly = {"one step": (run(evaluation_mode=[0.0] * 50 + [1.0] + [0.0] * 50),)}
    clean = {"training mode": (run(evaluation_mode=[0.0] * 9),), "unwatched": (run(loss=[1.0]),)}


def test_it_is_said_that_an_evaluation_came_before() -> None:
    (finding,) = run_check(trained_in_evaluation_mode, (LEFT,)).findings
    assert "50 steps of 100" in finding.message
    assert "from the first step after an evaluation on" in finding.message
