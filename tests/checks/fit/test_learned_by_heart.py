"""FIT042 learned-by-heart."""

import numpy as np
from tests.checks.curves import falling, level, run

from tunewell.checks.fit.learned_by_heart import learned_by_heart
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check

EPOCHS = np.arange(1, 121) / 40
STAIRS = np.concatenate([level(40, at=1.2), level(40, at=0.9), level(40, at=0.6)])
RISEN = {20: 1.0, 40: 0.9, 60: 1.0, 80: 1.1, 100: 1.2, 120: 1.3}
FALLEN = {20: 1.2, 40: 1.1, 60: 1.0, 80: 0.95, 100: 0.9, 120: 0.85}


class TestLearnedByHeart(CheckCases):
    """Stairs, against a steady fall, wide scatter and one epoch."""

    check = learned_by_heart
    faulty = {
        "stairs": (run(loss=STAIRS, epoch=EPOCHS),),
        "stairs and a worse evaluation": (run(loss=STAIRS, epoch=EPOCHS, eval_loss=RISEN),),
    }
    nearly = {
        "a steady fall": (run(loss=falling(120), epoch=EPOCHS),),
        "small stairs": (
            run(loss=level(120) - 0.02 * np.repeat([0.0, 1.0, 2.0], 40), epoch=EPOCHS),
        ),
        "stairs of a loss that is nearly 0": (
            run(
                loss=np.concatenate([falling(120, first=3.0, last=0.02), STAIRS / 100]),
                epoch=np.arange(1, 241) / 40,
            ),
        ),
        "rewards": (run(loss=STAIRS, epoch=EPOCHS, reward=STAIRS),),
    }
    clean = {
        "one epoch": (run(loss=STAIRS, epoch=EPOCHS / 3),),
        "no epochs": (run(loss=STAIRS),),
        "few logs": (run(loss=STAIRS[::20], epoch=EPOCHS[::20]),),
    }


def test_it_is_serious_where_the_evaluation_rises() -> None:
    """Stairs with an evaluation that falls are harmless."""
    for judged, severity in ((RISEN, Severity.WARNING), (FALLEN, Severity.INFO)):
        made = run(loss=STAIRS, epoch=EPOCHS, eval_loss=judged)
        (finding,) = run_check(learned_by_heart, (made,)).findings
        assert finding.severity is severity
