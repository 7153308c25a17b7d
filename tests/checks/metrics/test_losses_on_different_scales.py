"""MET030 losses-on-different-scales."""

from typing import Any

from tests.checks.runs import line, noisy, run

from tunewell.checks.metrics.losses_on_different_scales import losses_on_different_scales
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check

FALLING = line(2.2, 1.2, 40)


def judged(times: float, *, settings: dict[str, Any] | None = None, losses: Any = None) -> Any:  # noqa: ANN401
    """Training loss so many times the evaluation loss, evaluated every eight steps."""
    losses = losses or FALLING
    return run(
        {
            "loss": noisy([times * value for value in losses]),
            "eval_loss": {step: losses[step - 1] for step in range(8, 41, 8)},
        },
        settings=settings or {},
    )


class TestLossesOnDifferentScales(CheckCases):
    """Summed, and not."""

    check = losses_on_different_scales
    faulty = {
        "summed over four": judged(4, settings={"gradient_accumulation_steps": 4}),
        "far apart before anything is learned": judged(3, losses=line(2.2, 2.1, 40)),
    }
    nearly = {
        "mean over four": judged(1.1, settings={"gradient_accumulation_steps": 4}),
        "smoothed labels": judged(2, settings={"label_smoothing_factor": 0.2}),
        "noise in the embeddings": judged(2, settings={"neftune_noise_alpha": 5.0}),
        "easier rows": judged(1.4, settings={"gradient_accumulation_steps": 8}),
        "rewards": run({"loss": [0.1] * 40, "eval_loss": {8: 0.02}, "reward": [1.0] * 40}),
    }
    clean = {"alike": judged(1), "never judged": run({"loss": FALLING})}


def test_what_is_no_sum_is_information() -> None:
    """The rows of the two sets may differ."""
    (found,) = run_check(
        losses_on_different_scales,
        TestLossesOnDifferentScales.faulty["far apart before anything is learned"],
    ).findings
    assert found.severity is Severity.INFO
