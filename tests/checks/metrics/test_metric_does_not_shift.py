"""MET035 metric-does-not-shift."""

from pathlib import Path

import numpy as np
import pytest
from tests.preflight import live, tiny
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.metric_does_not_shift import metric_does_not_shift
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def unmoved(prediction: Thing) -> dict[str, float]:
    """Compares each prediction with the label at its own place."""
    known = prediction.label_ids != -100
    made = prediction.predictions.argmax(-1)
    return {"token_accuracy": float((made == prediction.label_ids)[known].mean())}


def unmoved_words(prediction: Thing) -> dict[str, float]:
    """The same where the words were taken first, in per cent."""
    known = prediction.label_ids != -100
    right = (prediction.predictions == prediction.label_ids)[known]
    return {"accuracy": 100 * float(right.mean())}


def moved(prediction: Thing) -> dict[str, float]:
    """Compares it with the next label, as run_clm.py does."""
    labels = prediction.label_ids[:, 1:]
    known = labels != -100
    made = prediction.predictions[:, :-1].argmax(-1)
    return {"token_accuracy": float((made == labels)[known].mean())}


def number_of_rows(prediction: Thing) -> dict[str, float]:
    """Says nothing of what is right."""
    return {"rows": float(len(prediction.label_ids))}


def causal(out: Path, **settings: Thing) -> Thing:
    """A Llama over questions and answers with the question masked."""
    from transformers import DataCollatorForSeq2Seq

    rows = live.masked_rows(live.question_answer())
    return tasks.classifier(
        out,
        rows=rows,
        judged=rows[:8],
        model=tiny.causal(),
        collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
        **settings,
    )


def words(logits: Thing, _: Thing) -> Thing:
    """What the documentation proposes against full memory."""
    return logits.argmax(dim=-1)


@pytest.mark.reproduces("E23")
class TestMetricDoesNotShift(CheckCases):
    """Metric functions of a causal model, on what the real loop gives them."""

    check = metric_does_not_shift
    faulty = Live(
        evaluate.PROBE,
        logits=lambda out: causal(out, compute_metrics=unmoved),
        words=lambda out: causal(out, compute_metrics=unmoved_words, preprocess=words),
    )
    nearly = Live(
        evaluate.PROBE,
        tags_of_words=tasks.masked,
        no_metric_of_what_is_right=lambda out: causal(out, compute_metrics=number_of_rows),
        a_classifier=tasks.classifier,
    )
    clean = Live(evaluate.PROBE, moved=lambda out: causal(out, compute_metrics=moved))

    def test_the_two_values_are_told(self) -> None:
        """Near 0 for a perfect model, 1 for one that repeats its input."""
        said = run_check(metric_does_not_shift, self.faulty["logits"]).findings[0]
        assert "and 1 for those that repeat the input" in said.message

    def test_a_perfect_prediction_is_perfect(self) -> None:
        """What the probe makes is worth 1 to a metric that moves the labels."""
        (judged,) = [part.judged for part in self.clean["moved"] if hasattr(part, "judged")]
        assert judged is not None
        assert np.allclose([ahead for _, ahead, _ in judged.perfect], 1.0)
