"""HYP056 learning-rate-jumps."""

import dataclasses

import numpy as np
from tests.checks.curves import cosine, linear, run

from tunewell.checks.hyperparameters.learning_rate_jumps import learning_rate_jumps
from tunewell.core.finding import Severity
from tunewell.subjects.trace import Restart
from tunewell.testing import CheckCases, run_check

ANEW = run(learning_rate=np.concatenate([linear(100)[:60], linear(100)]))
RESUMED = dataclasses.replace(ANEW, restarts=(Restart(step=60, reached=64),))
LONGER = run(learning_rate=np.concatenate([linear(100)[:80], 0.5 * cosine(80)]))


class TestLearningRateJumps(CheckCases):
    """One jump in the decay, against restarts by design."""

    check = learning_rate_jumps
    faulty = {
        "begun anew with its warm-up": (ANEW,),
        "where the run was resumed": (RESUMED,),
        "a schedule over more steps": (LONGER,),
    }
    nearly = {
        "restarts to the same height": (run(learning_rate=np.tile(cosine(50), 4)),),
        "restarts that grow longer": (
            run(learning_rate=np.concatenate([cosine(20), cosine(40), cosine(80)])),
        ),
        "restarts that fall": (
            run(learning_rate=np.concatenate([cosine(50) * 0.6**n for n in range(4)])),
        ),
        "one restart by its name": (
            run(
                learning_rate=np.tile(cosine(50), 2),
                settings={"lr_scheduler_type": "cosine_with_restarts"},
            ),
        ),
        "a slow rise": (run(learning_rate=cosine(100, times=3)),),
        "steps down": (run(learning_rate=np.repeat([1e-3, 1e-4, 1e-5], 30)),),
        "a warm-up": (run(learning_rate=linear(warmup=50)),),
    }
    clean = {"linear": (run(learning_rate=linear()),), "few": (run(learning_rate=[1.0, 0.1]),)}


def test_a_schedule_begun_anew_on_resuming_is_serious() -> None:
    for made, severity in ((ANEW, Severity.INFO), (RESUMED, Severity.WARNING)):
        (finding,) = run_check(learning_rate_jumps, (made,)).findings
        assert finding.severity is severity
