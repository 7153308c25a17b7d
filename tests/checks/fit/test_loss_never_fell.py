"""FIT041 loss-never-fell."""

import numpy as np
from tests.checks.curves import falling, level, run, with_layers

from tunewell.checks.fit.loss_never_fell import loss_never_fell
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

FLAT = level(200, at=2.0)


class TestLossNeverFell(CheckCases):
    """A level run, against quick falls, wide scatter and too few steps."""

    check = loss_never_fell
    faulty = {
        "a level language model": (run(loss=FLAT),),
        "a classifier above half of guessing": (
            run(loss=level(200, at=1.5), classes=10, finished=False),
        ),
        "weights that do not move": (
            with_layers(run(loss=FLAT), update__head={10: 1e-7, 100: 1e-7, 190: 1e-7}),
        ),
    }
    nearly = {
        "a quick fall and a level": (
            run(loss=np.concatenate([[2.0, 1.6, 1.2, 0.9], level(196, at=0.5)])),
        ),
        "a fall of a tenth": (run(loss=FLAT + np.linspace(0.2, 0, 200)),),
        "scatter that hides a fall": (
            run(loss=np.exp(np.random.default_rng(0).normal(size=40)), classes=4),
        ),
        "a learning rate of 0": (run(loss=FLAT, learning_rate=[0.0] * 200),),
        "rewards": (run(loss=FLAT, reward=FLAT),),
        "a finished classifier near guessing": (run(loss=level(200, at=2.3), classes=10),),
    }
    clean = {
        "falls": (run(loss=falling()),),
        "too few steps": (run(loss=FLAT[:20]),),
        "too few logs": (run(loss={50: 2.0, 100: 2.0, 150: 2.0}),),
    }


def test_it_is_serious_where_something_speaks_for_a_cause() -> None:
    found = [
        run_check(loss_never_fell, subjects).findings[0].severity
        for subjects in TestLossNeverFell.faulty.values()
    ]
    assert found == [Severity.INFO, Severity.WARNING, Severity.WARNING]


def test_the_fix_raises_the_rate() -> None:
    (finding,) = run_check(loss_never_fell, (run(loss=FLAT), Recipe(learning_rate=1e-7))).findings
    assert finding.fixes[0].edits[0].new == 1e-6  # type: ignore[union-attr]
