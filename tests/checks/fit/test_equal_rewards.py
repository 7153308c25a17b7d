"""FIT075 on runs of GRPO and RLOO."""

import numpy as np
from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.equal_rewards import equal_rewards
from tunewell.core.finding import Confidence, Severity
from tunewell.testing import CheckCases, run_check

CONSTANT = run("faulty/grpo-constant")
HEALTHY = run("healthy/grpo")
LATE = [0.1] * 15 + [0.95, 1.0, 1.0] * 5


class TestEqualRewards(CheckCases):
    """No spread of rewards against little of it."""

    check = equal_rewards
    faulty = {
        "a constant reward": (CONSTANT,),
        "a word that is never said": (run("faulty/grpo-never-met"),),
        "RLOO": (run("faulty/rloo-constant"),),
        "live": (until(CONSTANT, 20),),
        "an older TRL, without the share": (changed(CONSTANT, frac_reward_zero_std=None),),
        "from the middle on": (
            changed(HEALTHY, frac_reward_zero_std=LATE, reward=np.linspace(0.5, 0.1, 30)),
        ),
    }
    nearly = {
        "a loss of 0 with rewards that differ": (run("healthy/rloo"),),
        "most groups are equal, and a third is not": (
            changed(HEALTHY, frac_reward_zero_std=[0.5, 0.75, 0.625] * 10),
        ),
        "too few logs": (until(CONSTANT, 12),),
    }
    clean = {
        name: (run(f"healthy/{name}"),)
        for name in ("grpo", "grpo-beta", "grpo-slow", "grpo-dr-grpo", "rloo-seed-2")
    }


def test_no_signal_at_all_is_an_error_and_solved_questions_are_information() -> None:
    always = run_check(equal_rewards, (CONSTANT,)).findings[0]
    assert (always.severity, always.confidence) == (Severity.ERROR, Confidence.HIGH)
    solved = run_check(equal_rewards, (changed(HEALTHY, frac_reward_zero_std=LATE),)).findings[0]
    assert solved.severity is Severity.INFO
    assert "teach no more" in solved.message


def test_cut_answers_are_named_as_the_cause() -> None:
    found = run_check(equal_rewards, (run("faulty/grpo-clipped"),)).findings[0]
    assert found.severity is Severity.INFO
    assert "cut" in found.message


def test_other_training_is_not_asked() -> None:
    for name in ("dpo-sigmoid", "reward", "kto"):
        assert run_check(equal_rewards, (run(f"healthy/{name}"),)).not_applicable
