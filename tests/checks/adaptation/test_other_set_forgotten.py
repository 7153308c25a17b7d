"""ADA034 other-set-forgotten."""

from typing import Any

from tests.checks.runs import line, noisy, run

from tunewell.checks.adaptation.other_set_forgotten import other_set_forgotten
from tunewell.testing import CheckCases

NEW = noisy(line(2.1, 0.8, 10), 0.01)


def sets(**losses: list[float]) -> Any:  # noqa: ANN401
    """Several evaluation sets, each timed as the Trainer does."""
    columns = {f"eval_{name}_loss": values for name, values in losses.items()}
    timed = {f"eval_{name}_samples_per_second": [9.0] * 10 for name in losses}
    return run({**columns, **timed})


class TestOtherSetForgotten(CheckCases):
    """Ten evaluations."""

    check = other_set_forgotten
    faulty = {
        "general": sets(new=NEW, general=noisy(line(1.9, 2.6, 10), 0.01)),
        "after a first gain": sets(
            new=NEW, general=[2.0, 1.6, 1.8, 2.0, 2.2, 2.4, 2.5, 2.6, 2.7, 2.8]
        ),
        "not timed": run({"eval_new_loss": NEW, "eval_general_loss": line(1.9, 2.6, 10)}),
    }
    nearly = {
        "scatter": sets(new=NEW, general=noisy([1.9] * 10, 0.05)),
        "past its best": sets(new=NEW, general=[2.0, 1.6, 1.3, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8]),
        "a little": sets(new=NEW, general=noisy(line(1.9, 2.0, 10), 0.002)),
        "both overfit": sets(new=line(0.8, 1.2, 10), general=line(1.9, 2.6, 10)),
        "a part of the loss": run({"eval_loss": NEW, "eval_aux_loss": line(1.0, 2.0, 10)}),
    }
    clean = {"both fall": sets(new=NEW, general=noisy(line(1.9, 1.7, 10), 0.01))}
