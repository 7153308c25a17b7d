"""MET020 metric-function-raises."""

from pathlib import Path

import numpy as np
import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.metric_function_raises import metric_function_raises
from tunewell.core.finding import Confidence
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def argmax(prediction: Thing) -> dict[str, float]:
    """Reads logits, and finds the encoder's states beside them."""
    made = np.argmax(prediction.predictions, axis=-1)
    return {"accuracy": float((made == prediction.label_ids).mean())}


def first(prediction: Thing) -> dict[str, float]:
    made = np.argmax(prediction.predictions[0], axis=-1)
    return {"accuracy": float((made == prediction.label_ids).mean())}


def decode_labels(prediction: Thing) -> dict[str, float]:
    tokens = tiny.tokenizer()
    return {"texts": float(len(tokens.batch_decode(prediction.label_ids)))}


def decode_predictions(prediction: Thing) -> dict[str, float]:
    tokens = tiny.tokenizer()
    return {"texts": float(len(tokens.batch_decode(prediction.predictions)))}


def every_row(prediction: Thing) -> dict[str, float]:
    """Counts on the whole evaluation set being there."""
    known = np.zeros(60)
    return {"accuracy": float((prediction.label_ids == known).mean())}


def mistyped(prediction: Thing) -> dict[str, float]:
    return {"accuracy": prediction.predictionz.mean()}


def many(out: Path, **settings: Thing) -> Thing:
    return tasks.classifier(out, judged=tasks.classified(60), **settings)


@pytest.mark.reproduces("E06", "E08")
class TestMetricFunctionRaises(CheckCases):
    """Metric functions of the user's own on what the real loop gives them."""

    check = metric_function_raises
    faulty = Live(
        evaluate.PROBE,
        a_tuple=lambda out: tasks.translator(
            out, predict_with_generate=False, compute_metrics=argmax
        ),
        labels_decoded=lambda out: tasks.translator(out, compute_metrics=decode_labels),
        predictions_decoded=lambda out: tasks.translator(out, compute_metrics=decode_predictions),
        mistyped=lambda out: tasks.classifier(out, compute_metrics=mistyped),
        logits_badly_prepared=lambda out: tasks.classifier(
            out, preprocess=lambda logits, _: logits.absent
        ),
    )
    nearly = Live(
        evaluate.PROBE,
        first_of_the_tuple=lambda out: tasks.translator(
            out, predict_with_generate=False, compute_metrics=first
        ),
        needs_every_row=lambda out: many(out, compute_metrics=every_row),
    )
    clean = Live(
        evaluate.PROBE,
        accuracy=tasks.classifier,
        decoded_as_documented=tasks.translator,
        none=lambda out: tasks.classifier(out, compute_metrics=None),
    )

    def test_the_cause_is_named(self) -> None:
        """With the line of the user's own."""
        said = {
            name: run_check(metric_function_raises, case).findings[0]
            for name, case in self.faulty.items()
        }
        assert "a tuple of 2 arrays" in said["a tuple"].message
        assert "encoder_last_hidden_state" in said["a tuple"].message
        assert "it decodes the labels, which hold -100" in said["labels decoded"].message
        assert "as soon as two batches differ" in said["predictions decoded"].message
        assert "test_metric_function_raises.py" in said["mistyped"].message
        sure = [finding.confidence for finding in said.values()]
        assert sure == [Confidence.HIGH] * 3 + [Confidence.MEDIUM] * 2
