"""MET034 better-checkpoint-about-to-go."""

from typing import Any

from tests.checks.runs import run

from tunewell.checks.metrics.better_checkpoint_about_to_go import better_checkpoint_about_to_go
from tunewell.testing import CheckCases

LOSSES = {100: 1.0, 200: 0.41, 300: 0.47, 400: 0.55}


def going(limit: int = 3, **fields: Any) -> Any:  # noqa: ANN401
    """A run that keeps three checkpoints, at step 400 of 1,000."""
    chosen = {"finished": False, "max_steps": 1000, "saved_steps": (200, 300, 400), **fields}
    told = {"save_total_limit": limit, **chosen.pop("settings", {})}
    return run({"eval_loss": chosen.pop("losses", LOSSES)}, settings=told, **chosen)


class TestBetterCheckpointAboutToGo(CheckCases):
    """Best at step 200, which is the oldest checkpoint."""

    check = better_checkpoint_about_to_go
    faulty = {
        "told by the folder": going(),
        "told by the times of saving": run(
            {"eval_loss": LOSSES, "saving_seconds": {100: 2.0, 200: 2.0, 300: 2.0, 400: 2.0}},
            settings={"save_total_limit": 3},
            finished=False,
        ),
    }
    nearly = {
        "a little worse": going(losses={100: 1.0, 200: 0.41, 300: 0.42, 400: 0.43}),
        "best is spared": going(settings={"load_best_model_at_end": True}),
        "a metric is known": going(metric_for_best="loss"),
        "not the oldest": going(saved_steps=(100, 200, 400)),
        "room for another": going(limit=4),
        "the last save": going(max_steps=450),
        "over": going(finished=True),
    }
    clean = {"still falling": going(losses={100: 1.0, 200: 0.8, 300: 0.6, 400: 0.5})}
