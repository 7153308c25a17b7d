"""HYP054 schedule-not-as-set."""

import dataclasses

import numpy as np
from tests.checks.curves import cosine, linear, run

from tunewell.checks.hyperparameters.schedule_not_as_set import schedule_not_as_set
from tunewell.core.finding import Confidence
from tunewell.subjects.trace import Restart, Trace
from tunewell.testing import CheckCases, run_check


def told(kind: str, rates: object, **settings: object) -> Trace:
    """A run of 100 steps whose settings name a schedule."""
    return run(
        learning_rate=rates,  # type: ignore[arg-type]
        max_steps=100,
        settings={"lr_scheduler_type": kind, **settings},
    )


FAST = told("cosine", cosine(times=4))


class TestScheduleNotAsSet(CheckCases):
    """Logged rates against the closed form."""

    check = schedule_not_as_set
    faulty = {
        "four times as fast": (FAST,),
        "a quarter as fast": (told("linear", linear(100, warmup=0, total=400)),),
        "another kind": (told("constant", linear(100, warmup=0)),),
        "live": (dataclasses.replace(told("cosine", cosine(times=4)[:60]), finished=False),),
    }
    nearly = {
        "logged one step later": (told("linear", linear(101, warmup=0, total=100)[1:]),),
        "a height of its own": (told("linear", 3 * linear(100, warmup=0), learning_rate=1e-3),),
        "a warm-up as a share": (told("linear", linear(warmup=10), warmup_steps=0.1),),
        "a schedule with arguments": (
            told("cosine", cosine(times=4), lr_scheduler_kwargs={"num_cycles": 2}),
        ),
        "resumed": (dataclasses.replace(FAST, restarts=(Restart(step=50, reached=60),)),),
        "steps that fp16 skipped": (
            run(
                learning_rate=np.concatenate([np.full(30, 1e-3), linear(70, warmup=0)]),
                skipped=[1.0] * 30 + [0.0] * 70,
                max_steps=100,
                settings={"lr_scheduler_type": "linear"},
            ),
        ),
        "one that stands still": (told("linear", [1e-3] * 100),),
        "one that ended early": (told("linear", [*linear(50, warmup=0), *[0.0] * 50]),),
    }
    clean = {
        "linear": (told("linear", linear(warmup=10), warmup_ratio=0.1),),
        "cosine": (told("cosine", cosine()),),
        "unknown": (run(learning_rate=linear(), max_steps=100),),
    }


def test_a_pace_that_fits_is_named() -> None:
    """And then the check is sure."""
    (finding,) = run_check(schedule_not_as_set, (FAST,)).findings
    assert "advanced 4 times a step" in finding.message
    assert finding.confidence is Confidence.HIGH
