"""ADA031 rate-jumps-at-resume."""

import numpy as np
import pytest
from tests.checks.runs import resumed

from tunewell.checks.adaptation.rate_jumps_at_resume import rate_jumps_at_resume
from tunewell.core.finding import Severity
from tunewell.facts.restarts import planned_rates
from tunewell.testing import CheckCases, run_check

Rates = dict[str, dict[int, float]]


def rates(first: int, last: int, *, shift: int = 0, total: int = 100, warm: int = 0) -> Rates:
    """A linear schedule with a warm-up, logged every fifth step."""
    steps = np.arange(first, last + 1, 5)
    settings = {"learning_rate": 5e-4, "lr_scheduler_type": "linear", "warmup_steps": warm}
    planned = planned_rates(settings, steps - shift, total)
    assert planned is not None
    return {"learning_rate": dict(zip(steps.tolist(), planned.tolist(), strict=True))}


class TestRateJumpsAtResume(CheckCases):
    """Resumed at step 50."""

    check = rate_jumps_at_resume
    faulty = {
        "began again": resumed(rates(5, 50), rates(55, 100, shift=50), at=50),
        "shifted where trained twice": resumed(rates(5, 70), rates(55, 100, shift=10), at=50),
        "longer": resumed(
            rates(5, 50), rates(55, 100, total=200), at=50,
            settings={"max_steps": 200}, previous={"max_steps": 100},
        ),
    }  # fmt: skip
    nearly = {
        "trained twice": resumed(rates(5, 70), rates(55, 100), at=50),
        "one update late": resumed(rates(5, 70), rates(55, 100, shift=1), at=50),
        "at the corner of the warm-up": resumed(
            rates(5, 50, warm=50), rates(55, 100, warm=50), at=50
        ),
        "nothing logged after": resumed(rates(5, 50), {"loss": {55: 1.0}}, at=50),
        "near the end": resumed(rates(5, 95), rates(100, 100), at=95),
    }
    clean = {"went on": resumed(rates(5, 50), rates(55, 100), at=50)}


def test_what_follows_from_the_settings_is_information() -> None:
    """The run was made longer."""
    (found,) = run_check(rate_jumps_at_resume, TestRateJumpsAtResume.faulty["longer"]).findings
    assert found.severity is Severity.INFO


@pytest.mark.parametrize("kind", ["linear", "cosine", "constant", "constant_with_warmup"])
@pytest.mark.parametrize("warm", [0, 7])
def test_planned_rates_are_those_of_transformers(kind: str, warm: int) -> None:
    """At every step of its own scheduler."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
    scheduler = get_scheduler(kind, optimizer, num_warmup_steps=warm, num_training_steps=40)
    real = []
    for _ in range(41):
        real.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    settings = {"learning_rate": 3e-4, "lr_scheduler_type": kind, "warmup_steps": warm}
    planned = planned_rates(settings, np.arange(41), 40)
    assert planned is not None
    assert np.allclose(planned, real)
