"""FIT046 gradients-vanish."""

import numpy as np
from tests.checks.curves import falling, level, run, with_layers

from tunewell.checks.fit.gradients_vanish import gradients_vanish
from tunewell.testing import CheckCases

FLAT = level(100, at=2.3)
GONE = np.concatenate([level(40), np.full(60, 1e-5)])
AT = range(10, 100, 10)


class TestGradientsVanish(CheckCases):
    """Gradients that are gone while there is loss left."""

    check = gradients_vanish
    faulty = {
        "of the whole model": (run(loss=FLAT, grad_norm=GONE),),
        "exactly 0": (run(loss=FLAT, grad_norm=np.zeros(100)),),
        "of the first layers": (
            with_layers(
                run(loss=FLAT, grad_norm=level(100)),
                gradient__first=dict.fromkeys(AT, 1e-11),
                gradient__last=dict.fromkeys(AT, 1e-2),
            ),
        ),
    }
    faulty |= {
        "of the first layers, no norm logged": (
            with_layers(
                run(loss=FLAT),
                gradient__first=dict.fromkeys((10, 40, 70), 1e-11),
                gradient__last=dict.fromkeys((10, 40, 70), 1e-2),
            ),
        ),
    }
    nearly = {
        "two samples": (
            with_layers(
                run(loss=FLAT),
                gradient__first=dict.fromkeys((10, 40), 1e-11),
                gradient__last=dict.fromkeys((10, 40), 1e-2),
            ),
        ),
        "the loss is gone too": (run(loss=falling(100, last=0.01), grad_norm=GONE),),
        "a hundredth": (run(loss=FLAT, grad_norm=np.concatenate([level(40), [0.02] * 60])),),
        "all layers are small": (
            with_layers(
                run(loss=FLAT, grad_norm=level(100)),
                gradient__first=dict.fromkeys(AT, 1e-9),
                gradient__last=dict.fromkeys(AT, 1e-8),
            ),
        ),
        "an embedding": (
            with_layers(
                run(loss=FLAT, grad_norm=level(100)),
                gradient__embed=dict.fromkeys(AT, 1e-11),
                gradient__last=dict.fromkeys(AT, 1e-2),
            ),
        ),
        "rewards": (run(loss=FLAT, grad_norm=GONE, reward=FLAT),),
    }
    clean = {
        "healthy": (run(loss=falling(100), grad_norm=level(100)),),
        "few logs": (run(loss=FLAT[:8], grad_norm=GONE[:8]),),
    }
