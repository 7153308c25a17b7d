"""FIT079 on runs of GRPO."""

import numpy as np
from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.reward_never_rises import reward_never_rises
from tunewell.testing import CheckCases, run_check

STILL = run("faulty/grpo-rate-too-low")
NOISE = np.random.default_rng(3).normal(0.3, 0.8, 50)


class TestRewardNeverRises(CheckCases):
    """Rewards that stay against those that rise slowly or are too noisy."""

    check = reward_never_rises
    faulty = {
        "a rate too low": (STILL,),
        "half of the run": (until(STILL, 60),),
        "a reward of the dice": (run("faulty/grpo-tossed"),),
        "it fell": (changed(STILL, reward=np.linspace(0.4, 0.2, 50)),),
    }
    nearly = {
        "slow": (run("healthy/grpo-slow"),),
        "all learned in the first third": (
            changed(STILL, reward=[0.3, 0.5, 0.7] + [0.9, 0.92] * 23 + [0.9]),
        ),
        "too noisy to tell": (changed(STILL, reward=NOISE),),
    }
    clean = {name: (run(f"healthy/{name}"),) for name in ("grpo", "grpo-two-passes", "rloo-seed-2")}


def test_equal_rewards_and_short_runs_are_left_to_others() -> None:
    assert run_check(reward_never_rises, (run("faulty/grpo-constant"),)).not_applicable
    assert run_check(reward_never_rises, (until(STILL, 40),)).not_applicable
    assert run_check(reward_never_rises, (changed(STILL, reward_std=None),)).not_applicable
