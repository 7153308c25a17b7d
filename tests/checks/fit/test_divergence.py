"""FIT003 divergence."""

import numpy as np

from tunewell.checks.fit.divergence import divergence
from tunewell.testing import CheckCases, trace

FALL = list(np.linspace(2.0, 0.5, 20))


class TestDivergence(CheckCases):
    """What rises and stays, against spikes, warm-up and noise."""

    check = divergence
    faulty = {
        "falls, jumps and stays": (trace(loss=[*FALL, 6.3, 5.9, 6.1, 6.2, 6.0, 5.8]),),
        "rises from the start": (trace(loss=list(np.linspace(2.0, 9.0, 20))),),
        "back where it began": (trace(loss=[*FALL, 2.0, 2.1, 2.0, 2.05, 2.0, 2.0]),),
    }
    nearly = {
        "a spike of two logs": (trace(loss=[*FALL, 9.0, 8.0, *[0.5] * 10]),),
        "noise of a small batch": (
            trace(loss=list(1 + np.random.default_rng(0).exponential(0.5, 60))),
        ),
        "rewards": (trace(loss=[0.001 * step for step in range(1, 30)], reward=[0.1] * 29),),
        "stairs": (trace(loss=[2.0] * 10 + [1.4] * 10 + [0.8] * 10),),
    }
    clean = {"falls": (trace(loss=FALL),), "too short": (trace(loss=[1.0, 9.0]),)}
