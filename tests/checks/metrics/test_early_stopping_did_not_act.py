"""MET033 early-stopping-did-not-act."""

from typing import Any

from tests.checks.runs import run

from tunewell.checks.metrics.early_stopping_did_not_act import early_stopping_did_not_act
from tunewell.subjects.trace import Restart
from tunewell.testing import CheckCases

LOSSES = {100: 1.0, 200: 0.6, 300: 0.7, 400: 0.8, 500: 0.9, 600: 1.0}


def stopping(losses: dict[int, float], patience: int = 3, **fields: Any) -> Any:  # noqa: ANN401
    """A run with early stopping by its evaluation loss."""
    told = {"early_stopping_patience": patience, **fields.pop("settings", {})}
    chosen = {"metric_for_best": "loss", "best_metric": 0.6, **fields}
    return run({"eval_loss": losses}, settings=told, **chosen)


class TestEarlyStoppingDidNotAct(CheckCases):
    """Best at step 200."""

    check = early_stopping_did_not_act
    faulty = {
        "went on": stopping(LOSSES),
        "no metric in the saved state": stopping(LOSSES, metric_for_best=None, best_metric=None),
        "another name": stopping(LOSSES, metric_for_best="f1", best_metric=None),
        "none is set": stopping(
            LOSSES,
            metric_for_best=None,
            best_metric=None,
            settings={"metric_for_best_model": None},
        ),
    }
    nearly = {
        "stopped in time": stopping(dict(list(LOSSES.items())[:5])),
        "improves again": stopping({**LOSSES, 400: 0.5, 700: 1.1}),
        "taken up again by hand": stopping(LOSSES, restarts=(Restart(500, 500),)),
        "counts anew after a restart": stopping(
            {**LOSSES, 600: 0.4}, restarts=(Restart(300, 300),)
        ),
        "more patience": stopping(LOSSES, patience=5),
        "not judged yet": run({"loss": {10: 1.0}}, settings={"early_stopping_patience": 3}),
    }
    clean = {"no early stopping": run({"eval_loss": LOSSES})}
