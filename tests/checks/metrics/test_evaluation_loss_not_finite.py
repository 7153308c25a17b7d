"""MET026 evaluation-loss-not-finite."""

import math
from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.evaluation_loss_not_finite import evaluation_loss_not_finite
from tunewell.core.finding import Severity
from tunewell.preflight import collate, evaluate
from tunewell.testing import CheckCases, run_check

LOOKS = (collate.PROBE, evaluate.PROBE)


def unlabelled(out: Path, count: int, **settings: Thing) -> Thing:
    """So many of 8 evaluation rows have no label that counts."""
    rows = tasks.tagged()
    judged = [dict(row) for row in rows[:8]]
    for row in judged[:count]:
        row["labels"] = [-100] * len(row["labels"])
    return tasks.tagger(out, rows=rows, judged=judged, **settings)


@pytest.mark.reproduces("D11")
class TestEvaluationLossNotFinite(CheckCases):
    """Real evaluation losses."""

    check = evaluation_loss_not_finite
    faulty = Live(
        *LOOKS,
        one_row_a_batch=lambda out: unlabelled(out, 1, per_device_eval_batch_size=1),
        all_of_them=lambda out: unlabelled(out, 8),
    )
    nearly = Live(*LOOKS, one_row_of_a_batch=lambda out: unlabelled(out, 1))
    clean = Live(*LOOKS, labelled=tasks.tagger)

    def test_all_of_them_is_an_error(self) -> None:
        """One of eight is a warning."""
        found = [
            run_check(evaluation_loss_not_finite, case).findings[0] for case in self.faulty.values()
        ]
        assert [finding.severity for finding in found] == [Severity.WARNING, Severity.ERROR]
        assert found[0].message == (
            "1 of 8 evaluation batches have no finite loss; 1 sampled row has no label that counts"
        )

    def test_the_real_trainer_leaves_it_out_without_a_word(self, tmp_path: Path) -> None:
        """Transformers 5.23: a NaN batch is not in eval_loss unless all are."""
        one = unlabelled(tmp_path, 1, per_device_eval_batch_size=1).evaluate()
        assert math.isfinite(one["eval_loss"])
