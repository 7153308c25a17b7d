"""HYP019 warmup-ignored."""

from typing import Any

from tunewell.checks.hyperparameters.warmup_ignored import warmup_ignored
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases


def constant(**settings: Any) -> Recipe:  # noqa: ANN401
    given = frozenset({*settings, "lr_scheduler_type"})
    return Recipe(**{"lr_scheduler_type": "constant", **settings}, given=given)


class TestWarmupIgnored(CheckCases):
    """A written warm-up, a default one, and none."""

    check = warmup_ignored
    faulty = {
        "as in QLoRA's script": (constant(warmup_ratio=0.03),),
        "in steps": (constant(warmup_steps=10),),
    }
    nearly = {
        "nobody wrote one": (constant(),),
        "none is written": (constant(warmup_ratio=0.0),),
        "the schedule with warm-up": (
            constant(warmup_ratio=0.03, lr_scheduler_type="constant_with_warmup"),
        ),
    }
    clean = {"linear": (Recipe(),)}


def test_the_real_schedule_begins_at_the_full_rate() -> None:
    """With and without warm-up in its name."""
    import torch
    from transformers import get_scheduler

    first = []
    for name in ("constant", "constant_with_warmup"):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
        schedule = get_scheduler(name, optimizer, num_warmup_steps=10, num_training_steps=100)
        first.append(schedule.get_last_lr()[0])
    assert first == [1.0, 0.0]
