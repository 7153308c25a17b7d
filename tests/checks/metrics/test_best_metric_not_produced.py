"""MET021 best-metric-not-produced."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.best_metric_not_produced import best_metric_not_produced
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def chosen_by(out: Path, metric: str | None, **settings: Thing) -> Thing:
    best = {
        "load_best_model_at_end": True,
        "save_strategy": "epoch",
        "metric_for_best_model": metric,
    }
    return tasks.classifier(out, **{**best, **settings})


def two_sets(out: Path, metric: str) -> Thing:
    judged = {"one": tasks.classified(8), "two": tasks.classified(8, shift=8)}
    from tests.preflight import tiny

    return chosen_by(
        out, metric, judged={name: tiny.dataset(rows) for name, rows in judged.items()}
    )


@pytest.mark.reproduces("E04")
class TestBestMetricNotProduced(CheckCases):
    """Names of metrics against those of a real evaluation."""

    check = best_metric_not_produced
    faulty = Live(
        evaluate.PROBE,
        another_name=lambda out: chosen_by(out, "f1"),
        no_metric_function=lambda out: chosen_by(out, "accuracy", compute_metrics=None),
        no_set_named=lambda out: two_sets(out, "accuracy"),
    )
    nearly = Live(
        evaluate.PROBE,
        with_prefix=lambda out: chosen_by(out, "eval_accuracy"),
        a_set_named=lambda out: two_sets(out, "eval_two_accuracy"),
        the_loss=lambda out: chosen_by(out, None),
        never_evaluated=lambda out: chosen_by(
            out, "f1", load_best_model_at_end=False, save_strategy="no", eval_strategy="no"
        ),
    )
    clean = Live(
        evaluate.PROBE, accuracy=lambda out: chosen_by(out, "accuracy"), no_choice=tasks.classifier
    )

    def test_what_there_is_is_told(self) -> None:
        """And the nearest name is offered."""
        said = run_check(best_metric_not_produced, self.faulty["another name"]).findings[0]
        assert "'eval_loss', 'eval_accuracy'" in said.message

    def test_the_real_trainer_raises(self, tmp_path: Path) -> None:
        """After the first epoch."""
        from tests.preflight import tiny

        trainer = chosen_by(tmp_path, "f1")
        with pytest.raises(KeyError, match="eval_f1"):
            tiny.train(trainer)
