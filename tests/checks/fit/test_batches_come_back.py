"""FIT049 batches-come-back."""

import numpy as np
from tests.checks.curves import run

from tunewell.checks.fit.batches_come_back import batches_come_back
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check

FIVE_PASSES = [float(step % 20) for step in range(100)]
STREAM = {"max_steps": 100, "num_train_epochs": 3}


class TestBatchesComeBack(CheckCases):
    """Batches that repeat where the log tells of one epoch."""

    check = batches_come_back
    faulty = {
        "a stream that began again": (
            run(batch_mark=FIVE_PASSES, epoch=np.arange(1, 101) / 100, settings=STREAM),
        ),
        "the same batch at every step": (run(batch_mark=[7.0] * 100),),
    }
    nearly = {
        "as many epochs as the log says": (
            run(batch_mark=FIVE_PASSES, epoch=np.arange(1, 101) / 20),
        ),
        "as many as are set": (run(batch_mark=FIVE_PASSES, settings={"num_train_epochs": 5}),),
        "some rows twice": (run(batch_mark=[*range(50), *range(3), *range(60, 107)]),),
        "one pass and a bit": (run(batch_mark=[float(step % 90) for step in range(100)]),),
    }
    clean = {"all new": (run(batch_mark=list(range(100))),), "unwatched": (run(loss=[1.0] * 9),)}


def test_one_batch_alone_is_an_error() -> None:
    (finding,) = run_check(batches_come_back, (run(batch_mark=[7.0] * 100),)).findings
    assert finding.severity is Severity.ERROR
    assert "every step trains on the same batch" in finding.message
