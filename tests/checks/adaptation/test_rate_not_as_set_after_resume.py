"""ADA030 rate-not-as-set-after-resume."""

from typing import Any

from tests.checks.runs import resumed

from tunewell.checks.adaptation.rate_not_as_set_after_resume import rate_not_as_set_after_resume
from tunewell.testing import CheckCases

LINEAR = {"lr_scheduler_type": "linear", "warmup_steps": 0, "weight_decay": 0.01}


def rates(first: int, last: int, peak: float, total: int = 100) -> dict[str, dict[int, float]]:
    """A linear schedule logged every fifth step, one update late as the Trainer does."""
    steps = range(first, last + 1, 5)
    return {"learning_rate": {step: peak * (1 - (step - 1) / total) for step in steps}}


def changed(after: Any, new: float = 5e-5, kind: str = "linear", **more: Any) -> Any:  # noqa: ANN401
    """Trained to step 50 at 5e-4 and resumed with another rate."""
    said = {**LINEAR, "lr_scheduler_type": kind}
    return resumed(
        rates(5, 50, 5e-4),
        after,
        at=50,
        settings={**said, "learning_rate": new, **more},
        previous={**said, "learning_rate": 5e-4},
        max_steps=100,
    )


class TestRateNotAsSetAfterResume(CheckCases):
    """Ten logs before step 50, ten after it."""

    check = rate_not_as_set_after_resume
    faulty = {
        "the old rate": changed(rates(55, 100, 5e-4)),
        "weight decay too": changed(rates(55, 100, 5e-4), weight_decay=0.1),
        "a schedule of one's own": changed(rates(55, 100, 5e-4), kind="polynomial"),
    }
    nearly = {
        "taken": changed(rates(55, 100, 5e-5)),
        "taken by another schedule": changed(rates(55, 100, 5e-5), kind="polynomial"),
        "hardly another": changed(rates(55, 100, 5e-4), new=4.9e-4),
        "settings not known": resumed(rates(5, 50, 5e-4), rates(55, 100, 5e-4), at=50),
    }
    clean = {"the same": changed(rates(55, 100, 5e-4), new=5e-4)}
