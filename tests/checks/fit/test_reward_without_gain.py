"""FIT077 on runs of GRPO."""

import dataclasses

import numpy as np
from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.reward_without_gain import reward_without_gain
from tunewell.core.finding import Severity
from tunewell.subjects.trace import Column, Trace
from tunewell.testing import CheckCases, run_check

HACKED = run("faulty/grpo-hacked")
HEALTHY = run("healthy/grpo-two-rewards")


def evaluated(name: str, values: list[float]) -> Trace:
    """A healthy run with a metric on held-out rows."""
    steps = np.arange(1, len(values) + 1, dtype=np.int64) * 7
    columns = {**HEALTHY.columns, name: Column(steps, np.array(values))}
    return dataclasses.replace(HEALTHY, columns=columns)


class TestRewardWithoutGain(CheckCases):
    """What falls as the reward rises against what only scatters."""

    check = reward_without_gain
    faulty = {
        "thanks in place of answers": (HACKED,),
        "live": (until(HACKED, 80),),
        "evaluated": (run("faulty/grpo-hacked-evaluated"),),
        "a held-out metric falls": (
            evaluated("eval_accuracy", [0.62, 0.61, 0.6, 0.55, 0.5, 0.46, 0.4, 0.38, 0.37]),
        ),
        "answers grow": (changed(HEALTHY, completions__mean_length=np.linspace(10, 40, 30)),),
    }
    nearly = {
        "the held-out metric scatters": (
            evaluated("eval_accuracy", [0.6, 0.55, 0.62, 0.58, 0.57, 0.61, 0.56, 0.6]),
        ),
        "held-out loss falls, as it should": (
            evaluated("eval_loss", list(np.linspace(0.6, 0.2, 8))),
        ),
        "the reward does not rise": (changed(HACKED, reward=[0.4, 0.5] * 30),),
        "answers grow by half": (
            changed(HEALTHY, completions__mean_length=np.linspace(10, 16, 30)),
        ),
    }
    clean = {
        name: (run(f"healthy/{name}"),)
        for name in ("grpo", "grpo-two-rewards", "grpo-beta", "grpo-groups-of-8", "rloo")
    }


def test_growth_alone_is_information() -> None:
    longer = changed(HEALTHY, completions__mean_length=np.linspace(10, 40, 30))
    assert run_check(reward_without_gain, (longer,)).findings[0].severity is Severity.INFO


def test_the_worst_fall_is_named_first() -> None:
    found = run_check(reward_without_gain, (HACKED,)).findings[0]
    assert "rewards/grammatical/mean fell from" in found.message
