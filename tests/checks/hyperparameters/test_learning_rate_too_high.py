"""HYP051 learning-rate-too-high."""

import numpy as np
from tests.checks.curves import falling, level, run, with_layers

from tunewell.checks.hyperparameters.learning_rate_too_high import learning_rate_too_high
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

LEAPS = np.concatenate([level(6, at=2.1), level(94, at=3.0, size=0.5)])
WIDE = np.concatenate([level(50, at=2.0, size=0.05), level(50, at=2.0, size=0.6)])
GROWS = np.concatenate([level(6), level(94, at=7.0, size=1.0)])
BLOWN = np.concatenate([[6.9], level(60, at=40.0), level(39, at=5.2)])
SHRUNK = np.concatenate([[6.9], level(60, at=40.0), level(39, at=2.0)])
FIRST = {2: 0.6, 50: 0.01}
LARGE = {10: 0.2, 50: 0.2, 90: 0.2}


class TestLearningRateTooHigh(CheckCases):
    """Two signs on a run that did not learn."""

    check = learning_rate_too_high
    faulty = {
        "a leap and growing norms": (run(loss=LEAPS, grad_norm=GROWS),),
        "growing scatter and large updates": (with_layers(run(loss=WIDE), update__head=LARGE),),
        "destroyed by the first steps": (
            with_layers(run(step_loss=BLOWN, loss=BLOWN), update__head=FIRST),
        ),
    }
    nearly = {
        "one sign": (run(loss=LEAPS, grad_norm=level(100)),),
        "two signs and it learned": (run(loss=falling(100), grad_norm=GROWS),),
        "wide scatter throughout": (
            run(loss=np.exp(np.random.default_rng(0).normal(size=200)), grad_norm=level(200)),
        ),
        "a leap at once after small updates": (
            with_layers(run(step_loss=BLOWN, loss=BLOWN), update__head={2: 0.05}),
        ),
        "large first updates and no leap": (
            with_layers(run(step_loss=falling(100), loss=falling(100)), update__head=FIRST),
        ),
        "a low first loss among scattered ones": (
            with_layers(
                run(step_loss=[1.0, 2.6, 1.9, 2.4, 2.2, 2.5, *level(94, at=2.2)]),
                update__head=FIRST,
            ),
        ),
        "destroyed and learned after all": (
            with_layers(run(step_loss=SHRUNK, loss=SHRUNK), update__head=FIRST),
        ),
        "rewards": (run(loss=LEAPS, grad_norm=GROWS, reward=LEAPS),),
    }
    clean = {
        "falls": (run(loss=falling(), grad_norm=level(200)),),
        "short": (run(loss=LEAPS[:30], grad_norm=GROWS[:30]),),
    }


def test_the_fix_is_a_tenth_with_a_warm_up() -> None:
    (trace,) = TestLearningRateTooHigh.faulty["a leap and growing norms"]
    recipe = Recipe(learning_rate=1e-2, warmup_ratio=0.0)
    (finding,) = run_check(learning_rate_too_high, (trace, recipe)).findings
    assert {edit.path for edit in finding.fixes[0].edits} == {  # type: ignore[union-attr]
        "learning_rate",
        "warmup_ratio",
    }
