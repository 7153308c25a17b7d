"""FIT003 divergence."""

import dataclasses

import numpy as np

from tunewell.checks.fit.divergence import divergence
from tunewell.core.finding import Number
from tunewell.testing import CheckCases, run_check, trace

FALL = list(np.linspace(2.0, 0.5, 20))


class TestDivergence(CheckCases):
    """What rises and stays, against spikes, warm-up and noise."""

    check = divergence
    faulty = {
        "falls, jumps and stays": (trace(loss=[*FALL, 6.3, 5.9, 6.1, 6.2, 6.0, 5.8]),),
        "rises from the start": (trace(loss=list(np.linspace(2.0, 9.0, 20))),),
        "far above guessing among four classes": (
            dataclasses.replace(trace(loss=[4.9, *[5.0, 4.2, 4.6] * 5]), classes=4),
        ),
        "back where it began": (trace(loss=[*FALL, 2.0, 2.1, 2.0, 2.05, 2.0, 2.0]),),
        "far above its start and on its way back": (
            trace(loss=[308.0, 585.0, *np.linspace(780, 1100, 6), *np.linspace(1000, 58, 22)]),
        ),
    }
    nearly = {
        "level batches of one": (
            trace(loss=list(np.exp(np.random.default_rng(1).normal(size=1000)))),
        ),
        "a little above guessing among four classes": (
            dataclasses.replace(trace(loss=[1.5, *[1.45, 1.55, 1.4] * 5]), classes=4),
        ),
        "a spike of two logs": (trace(loss=[*FALL, 9.0, 8.0, *[0.5] * 10]),),
        "noise of a small batch": (
            trace(loss=list(1 + np.random.default_rng(0).exponential(0.5, 60))),
        ),
        "rewards": (trace(loss=[0.001 * step for step in range(1, 30)], reward=[0.1] * 29),),
        "stairs": (trace(loss=[2.0] * 10 + [1.4] * 10 + [0.8] * 10),),
    }
    clean = {"falls": (trace(loss=FALL),), "too short": (trace(loss=[1.0, 9.0]),)}


def test_the_number_is_held_against_what_the_run_broke() -> None:
    """A classifier far above guessing may lie below its first loss: that says nothing."""
    run = dataclasses.replace(trace(loss=[4.9, *[5.0, 4.2, 4.6] * 5]), classes=4)
    (finding,) = run_check(divergence, (run,)).findings
    (number,) = (e for e in finding.evidence if isinstance(e, Number))
    assert number.name == "last loss against that of guessing"
    assert isinstance(number.value, int | float)
    assert number.value > 120
    assert "ended at" in finding.message
    risen = dataclasses.replace(trace(loss=[4.0, *[5.0, 4.2, 4.6] * 5]), classes=4)
    live = dataclasses.replace(risen, finished=False, max_steps=20)
    assert "is now" in run_check(divergence, (live,)).findings[0].message
