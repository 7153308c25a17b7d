"""FIT073 on runs whose evaluation pairs, or whose training pairs, come out the wrong way round."""

from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.rejected_answers_preferred import rejected_answers_preferred
from tunewell.testing import CheckCases, run_check

SWAPPED = run("faulty/dpo-evaluation-swapped")
JUDGED = run("healthy/dpo-evaluated")


class TestRejectedAnswersPreferred(CheckCases):
    """Sets turned round against sets too small to tell."""

    check = rejected_answers_preferred
    faulty = {
        "DPO": (SWAPPED,),
        "live": (until(SWAPPED, 60),),
        "a reward model": (run("faulty/reward-evaluation-swapped"),),
        "training itself": (changed(JUDGED, rewards__accuracies=[0.25, 0.375, 0.3, 0.2] * 10),),
    }
    nearly = {
        "20 of 48 right may be chance": (changed(JUDGED, eval_rewards__accuracies=[20 / 48] * 8),),
        "one bad evaluation of several": (
            changed(JUDGED, eval_rewards__accuracies=[0.85] * 7 + [0.1]),
        ),
        "the first log counts margins of 0 as wrong": (run("healthy/dpo-long-warmup"),),
        "how many rows is not known": (changed(SWAPPED, eval_runtime=None),),
    }
    clean = {
        name: (run(f"healthy/{name}"),)
        for name in ("dpo-evaluated", "reward", "reward-noisy", "dpo-sigmoid-seed-2")
    }


def test_the_number_of_rows_is_worked_out() -> None:
    assert "of 48 evaluation pairs" in (
        run_check(rejected_answers_preferred, (SWAPPED,)).findings[0].message
    )


def test_without_a_reference_accuracy_may_begin_anywhere() -> None:
    assert run_check(rejected_answers_preferred, (run("healthy/cpo"),)).not_applicable
