"""FIT071 on runs of DPO and of a reward model."""

import numpy as np
from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.preferences_learned_at_once import preferences_learned_at_once
from tunewell.testing import CheckCases, run_check

FOREIGN = run("faulty/dpo-foreign")
UNANIMOUS = run("healthy/dpo-nearly-unanimous")
SLOWLY = list(np.geomspace(0.69, 0.001, 50))


class TestPreferencesLearnedAtOnce(CheckCases):
    """Pairs given away against pairs learned quickly."""

    check = preferences_learned_at_once
    faulty = {
        "rejected answers are noise": (FOREIGN,),
        "live": (until(FOREIGN, 30),),
        "a reward model": (run("faulty/reward-foreign"),),
    }
    nearly = {
        "accuracy 1.0 at once, loss falls slowly": (UNANIMOUS,),
        "learned by heart after some passes": (changed(FOREIGN, loss=SLOWLY),),
        "loss gone and half of the pairs wrong": (
            changed(FOREIGN, rewards__accuracies=[0.4, 0.6] * 25),
        ),
    }
    clean = {
        name: (run(f"healthy/{name}"),)
        for name in ("dpo-sigmoid", "dpo-ipo", "dpo-hinge", "reward", "reward-noisy", "simpo")
    }


def test_it_takes_pairs_and_some_logs() -> None:
    assert run_check(preferences_learned_at_once, (run("healthy/kto"),)).not_applicable
    assert run_check(preferences_learned_at_once, (until(FOREIGN, 8),)).not_applicable
    negative = changed(FOREIGN, loss=[-1.0] * 50)
    assert run_check(preferences_learned_at_once, (negative,)).not_applicable
