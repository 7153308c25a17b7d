"""HYP018 warmup-outlasts-run."""

import pytest

from tunewell.checks.hyperparameters.warmup_outlasts_run import warmup_outlasts_run
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, dataset, run_check

ROWS = dataset([f"text {n}" for n in range(300)], ["a", "b", "c"] * 100)


class TestWarmupOutlastsRun(CheckCases):
    """Too long in steps, too large a share, and usual ones."""

    check = warmup_outlasts_run
    faulty = {
        "five hundred steps of 57": (Recipe(warmup_steps=500), ROWS),
        "most of the run": (Recipe(warmup_steps=40), ROWS),
        "a share of nine tenths": (Recipe(warmup_ratio=0.9),),
        "of a run given in steps": (Recipe(warmup_steps=100, max_steps=100),),
    }
    nearly = {
        "half of it": (Recipe(warmup_steps=28), ROWS),
        "one step of one": (Recipe(warmup_ratio=0.1, max_steps=1),),
        "the data is not at hand": (Recipe(warmup_steps=500),),
        "a schedule without warm-up": (
            Recipe(warmup_steps=500, lr_scheduler_type="constant"),
            ROWS,
        ),
    }
    clean = {
        "a tenth": (Recipe(), ROWS),
        "none": (Recipe(warmup_ratio=0.0), ROWS),
    }


def test_the_real_schedule_never_gets_there() -> None:
    """500 steps of warm-up in a run of 57: the rate ends at an ninth of what was chosen."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
    schedule = get_scheduler("linear", optimizer, num_warmup_steps=500, num_training_steps=57)
    rates = []
    for _ in range(57):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert max(rates) == rates[-1] == pytest.approx(56 / 500)
    found = run_check(warmup_outlasts_run, (Recipe(warmup_steps=500), ROWS)).findings[0]
    assert "500 of the run's 57 steps" in found.message


def test_severity_goes_by_whether_the_rate_is_reached() -> None:
    """All of the run is an error, most of it a warning."""
    severities = [
        run_check(warmup_outlasts_run, (Recipe(warmup_steps=steps), ROWS)).findings[0].severity
        for steps in (500, 40)
    ]
    assert severities == [Severity.ERROR, Severity.WARNING]
