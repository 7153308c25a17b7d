"""MET022 no-labels-in-evaluation."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.no_labels_in_evaluation import no_labels_in_evaluation
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases, run_check


def without_labels(out: Path, **settings: Thing) -> Thing:
    judged = [
        {name: row[name] for name in ("input_ids", "attention_mask")} for row in tasks.classified(8)
    ]
    return tasks.classifier(out, judged=judged, **settings)


@pytest.mark.reproduces("E07")
class TestNoLabelsInEvaluation(CheckCases):
    """Label names of the real trainer."""

    check = no_labels_in_evaluation
    faulty = Live(
        evaluate.PROBE,
        another_name=lambda out: tasks.classifier(out, label_names=["target"]),
        no_labels=without_labels,
    )
    nearly = Live(
        evaluate.PROBE,
        not_to_evaluate=lambda out: without_labels(out, eval_strategy="no"),
        two_names=tasks.answerer,
    )
    clean = Live(
        evaluate.PROBE, labels=tasks.classifier, preferences=tasks.dpo, embeddings=tasks.embedder
    )

    def test_the_name_is_told(self) -> None:
        """Both the one looked for and the one there is."""
        said = run_check(no_labels_in_evaluation, self.faulty["another name"]).findings[0]
        assert "looks for labels under 'target', and the batches have 'labels'" in said.message
        assert "compute_metrics is never called" in said.message

    def test_the_real_trainer_says_nothing(self, tmp_path: Path) -> None:
        """No loss, no metric, no error."""
        metrics = tasks.classifier(tmp_path, label_names=["target"]).evaluate()
        assert not {"eval_loss", "eval_accuracy"} & metrics.keys()
