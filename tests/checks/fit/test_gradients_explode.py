"""FIT045 gradients-explode."""

import numpy as np
from tests.checks.curves import falling, level, run, with_layers

from tunewell.checks.fit.gradients_explode import gradients_explode
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

RISES = np.concatenate([falling(100, last=0.8), level(100, at=1.9)])
GROWS = np.concatenate([level(100), level(100, at=14.0, size=2.0)])


class TestGradientsExplode(CheckCases):
    """Norms and loss together, against either alone."""

    check = gradients_explode
    faulty = {
        "both grow": (run(loss=RISES, grad_norm=GROWS),),
        "with layers": (
            with_layers(
                run(loss=RISES, grad_norm=GROWS),
                gradient__first={10: 0.1, 50: 0.1, 150: 3.0, 190: 4.0},
                gradient__last={10: 0.1, 50: 0.1, 150: 0.1, 190: 0.1},
            ),
        ),
    }
    nearly = {
        "the loss falls all the same": (run(loss=falling(), grad_norm=GROWS),),
        "the norms stay": (run(loss=RISES, grad_norm=level(200)),),
        "norms of a warm-up": (
            run(loss=RISES, grad_norm=np.concatenate([level(20, at=0.1), level(180)])),
        ),
        "rewards": (run(loss=RISES, grad_norm=GROWS, reward=GROWS),),
    }
    clean = {
        "healthy": (run(loss=falling(), grad_norm=level(200)),),
        "no norms": (run(loss=RISES),),
    }


def test_the_layer_that_grew_most_and_the_fix() -> None:
    (trace,) = TestGradientsExplode.faulty["with layers"]
    (finding,) = run_check(gradients_explode, (trace, Recipe(max_grad_norm=0.0))).findings
    assert "most in first" in finding.message
    assert {edit.path for edit in finding.fixes[0].edits} == {  # type: ignore[union-attr]
        "learning_rate",
        "max_grad_norm",
    }
