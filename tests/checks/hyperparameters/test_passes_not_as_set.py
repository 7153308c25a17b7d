"""HYP057 passes-not-as-set."""

import numpy as np
from tests.checks.curves import run

from tunewell.checks.hyperparameters.passes_not_as_set import passes_not_as_set
from tunewell.testing import CheckCases

LIMITED = {"max_steps": 100, "num_train_epochs": 3.0}
UP = np.arange(1, 101)


class TestPassesNotAsSet(CheckCases):
    """What max_steps made of the epochs."""

    check = passes_not_as_set
    faulty = {
        "half of a pass": (run(epoch=UP / 200, settings=LIMITED),),
        "more than the two that were set": (
            run(epoch=UP / 20, settings={"max_steps": 100, "num_train_epochs": 2}),
        ),
    }
    nearly = {
        "more than the default": (run(epoch=UP / 20, settings=LIMITED),),
        "a little less than one": (run(epoch=0.97 * UP / 100, settings=LIMITED),),
        "while it goes on": (run(epoch=UP / 200, settings=LIMITED, finished=False),),
        "stopped early without a limit": (
            run(epoch=UP / 200, settings={"max_steps": -1, "num_train_epochs": 3.0}),
        ),
    }
    clean = {"as set": (run(epoch=UP / 33, settings=LIMITED),), "none": (run(loss=[1.0] * 9),)}
