"""MET041 metric-stays-at-zero."""

from pathlib import Path

import numpy as np
import pytest
from tests.checks.runs import line, run
from tests.planted.measuring import said, trained
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Thing

from tunewell.checks.metrics.metric_stays_at_zero import metric_stays_at_zero
from tunewell.testing import CheckCases

FALLS = {"loss": line(0.69, 0.1, 40), "eval_loss": line(0.6, 0.11, 8)}


class TestMetricStaysAtZero(CheckCases):
    """Eight evaluations."""

    check = metric_stays_at_zero
    faulty = {"f1": run({**FALLS, "eval_f1": [0.0] * 8})}
    nearly = {
        "at the end alone": run({**FALLS, "eval_f1": [0.0] * 7 + [0.2]}),
        "early in the run": run({**FALLS, "eval_f1": [0.0] * 8}, finished=False, max_steps=400),
        "nothing is learned": run(
            {"loss": [0.69] * 40, "eval_loss": [0.69] * 8, "eval_f1": [0.0] * 8}
        ),
        "less is better": run({**FALLS, "eval_wer": [0.0] * 8}),
    }
    clean = {"learned": run({**FALLS, "eval_f1": line(0.1, 0.9, 8)})}


@pytest.mark.reproduces("E15")
def test_a_real_model_of_rare_labels_at_a_half(tmp_path: Path) -> None:
    """Its F1 is 0 at every evaluation; at the base rate it is not."""
    tokens = tiny.tokenizer()
    rows = [
        {**tokens(text), "labels": [float(at % 12 == label) for label in range(6)]}
        for at, text in enumerate(tiny.sentences(96))
    ]

    def scored(threshold: float) -> Thing:
        def score(prediction: Thing) -> dict[str, float]:
            made = 1 / (1 + np.exp(-prediction.predictions)) > threshold
            given = prediction.label_ids > 0
            return {"f1": float(2 * (made & given).sum() / max(made.sum() + given.sum(), 1))}

        return score

    def trace(out: Path, threshold: float) -> Thing:
        names = tuple(f"label {number}" for number in range(6))
        trainer = tasks.classifier(
            out, rows=rows, judged=rows[:48], compute_metrics=scored(threshold),
            max_steps=48, learning_rate=2e-3, per_device_train_batch_size=8, logging_steps=4,
            model=tiny.encoder(**tasks.named(names), problem_type="multi_label_classification"),
        )  # fmt: skip
        return trained(trainer).trace()

    (found,) = said([trace(tmp_path / "half", 0.5)], "MET041")
    assert found.message.startswith("eval_f1 is 0 at all of 4 evaluations")
    assert not said([trace(tmp_path / "base", 0.1)], "MET041")
