"""FIT072 on runs of DPO, KTO and of a reward model."""

import dataclasses

import numpy as np
from tests.checks.runs_of_trl import changed, run, until

from tunewell.checks.fit.preferences_not_learned import preferences_not_learned
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

STILL = run("faulty/dpo-rate-too-low")
NOISE = np.random.default_rng(0).normal(0.69, 0.15, 40)


class TestPreferencesNotLearned(CheckCases):
    """A loss that stays against one that falls a little."""

    check = preferences_not_learned
    faulty = {
        "DPO": (STILL,),
        "half of the run": (until(STILL, 44),),
        "KTO": (run("faulty/kto-rate-too-low"),),
        "a reward model": (run("faulty/reward-at-chance"),),
    }
    nearly = {
        "a fall of a few per cent": (run("healthy/kto"),),
        "a slow start": (run("healthy/dpo-accumulated"),),
        "too noisy to tell": (changed(STILL, loss=NOISE),),
        "learned within the first third": (changed(STILL, loss=[0.69, 0.5] + [0.3] * 38),),
        "diverged": (changed(STILL, loss=np.linspace(0.69, 2, 40)),),
    }
    clean = {
        name: (run(f"healthy/{name}"),)
        for name in ("dpo-sigmoid", "dpo-ipo", "dpo-hinge", "dpo-long-warmup", "reward-noisy")
    }


def test_it_waits_for_half_of_the_run_and_the_end_of_the_warm_up() -> None:
    assert run_check(preferences_not_learned, (until(STILL, 36),)).not_applicable
    warming = changed(STILL, learning_rate=np.linspace(0, 1e-3, 40))
    assert run_check(preferences_not_learned, (warming,)).not_applicable
    unplanned = dataclasses.replace(until(STILL, 60), max_steps=None)
    assert run_check(preferences_not_learned, (unplanned,)).not_applicable


def test_without_a_reference_the_level_says_nothing() -> None:
    assert run_check(preferences_not_learned, (run("healthy/orpo"),)).not_applicable


def test_the_fix_raises_the_rate_of_the_recipe() -> None:
    found = run_check(preferences_not_learned, (STILL, Recipe(learning_rate=1e-9))).findings[0]
    assert [edit.new for edit in found.fixes[0].edits] == [1e-8]  # type: ignore[union-attr]
