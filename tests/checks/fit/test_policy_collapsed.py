"""FIT078 on runs of GRPO and RLOO."""

import numpy as np
from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.policy_collapsed import policy_collapsed
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check

HEALTHY = run("healthy/grpo-beta")
RAN_AWAY = run("faulty/grpo-ran-away")
COLLAPSED = run("faulty/grpo-collapsed")


class TestPolicyCollapsed(CheckCases):
    """Lost reward, entropy and KL against the growth that is usual."""

    check = policy_collapsed
    faulty = {
        "entropy is gone": (COLLAPSED,),
        "entropy is gone, far from the reference": (run("faulty/grpo-collapsed-beta"),),
        "live": (until(COLLAPSED, 72),),
        "the reward was learned and lost": (RAN_AWAY,),
        "the rate jumped": (run("faulty/grpo-kl-ran-away"),),
        "KL alone": (changed(HEALTHY, kl=[0.05] * 24 + [0.8, 1.5, 2.0, 3.0, 3.5, 4.0]),),
    }
    nearly = {
        "KL grows from 0 as it always does": (changed(HEALTHY, kl=np.linspace(0, 0.4, 30)),),
        "a small KL that ends ten times higher": (changed(HEALTHY, kl=[0.01] * 26 + [0.2] * 4),),
        "entropy at a quarter": (changed(HEALTHY, entropy=np.linspace(1, 0.25, 30)),),
        "one hard batch at the end": (
            changed(HEALTHY, reward=[*np.linspace(0.3, 0.95, 29), -0.2]),
        ),
        "before it ran away": (until(RAN_AWAY, 56),),
    }
    clean = {
        name: (run(f"healthy/{name}"),)
        for name in ("grpo", "grpo-beta", "grpo-slow", "rloo", "rloo-seed-2", "grpo-every-step")
    }


def test_a_sure_model_with_a_better_reward_is_information() -> None:
    sure = changed(run("healthy/grpo"), entropy=np.geomspace(1, 0.02, 30))
    found = run_check(policy_collapsed, (sure,)).findings[0]
    assert found.severity is Severity.INFO
    assert "beta is 0" in found.message


def test_a_lost_reward_is_an_error() -> None:
    assert run_check(policy_collapsed, (RAN_AWAY,)).findings[0].severity is Severity.ERROR


def test_the_older_names_are_known() -> None:
    """What PPO of TRL calls them."""
    old = changed(
        COLLAPSED,
        **{
            "objective/entropy": COLLAPSED.column("entropy").values,
            "objective/scores": COLLAPSED.column("reward").values,
            "entropy": None,
            "reward": None,
        },
    )
    assert run_check(policy_collapsed, (old,)).findings
