"""DAT084 evaluation-batch-without-trained-token."""
# ruff: noqa: ANN401  trainers and collators have no types

from typing import Any

import pytest
from tests.preflight import live, tiny

from tunewell.checks.data.evaluation_batch_without_trained_token import (
    evaluation_batch_without_trained_token,
)
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, run_check


def rows(dead: tuple[int, ...] = (2, 3)) -> list[dict[str, Any]]:
    """Eight rows of eight tokens, some of them masked whole."""
    return [
        {"input_ids": [20 + i] * 8, "labels": [-100] * 8 if i in dead else [20 + i] * 8}
        for i in range(8)
    ]


def plain(dead: tuple[int, ...], **settings: Any) -> live.Subjects:
    return live.batch(live.trainer(rows(()), evaluation=rows(dead), **settings))


def supervised(dead: tuple[int, ...]) -> Any:
    """TRL's trainer, which drops such rows only where it cuts."""
    trainer = tiny.sft(live.OUT, rows=rows(()), assistant_only_loss=False, max_length=None)
    trainer.eval_dataset = tiny.dataset(rows(dead))
    trainer.args.per_device_eval_batch_size = 2
    return trainer


@pytest.mark.reproduces("D11")
class TestEvaluationBatchWithoutTrainedToken(CheckCases):
    """Batches of two, in the order of the rows."""

    check = evaluation_batch_without_trained_token
    faulty = live.Cases(
        a_batch_of_masked_rows=lambda: plain((2, 3), per_device_eval_batch_size=2),
        a_masked_row_alone=lambda: plain((5,), per_device_eval_batch_size=1),
        in_TRL=lambda: live.batch(supervised((2, 3))),
        without_a_filter=lambda: plain(
            (2, 3), per_device_eval_batch_size=2, logging_nan_inf_filter=False
        ),
    )
    nearly = live.Cases(
        in_two_batches=lambda: plain((1, 2), per_device_eval_batch_size=2),
    )
    clean = live.Cases(all_trained=lambda: plain((), per_device_eval_batch_size=2))


@pytest.mark.parametrize(
    ("case", "severity"),
    [
        ("a batch of masked rows", Severity.INFO),
        ("in TRL", Severity.WARNING),
        ("without a filter", Severity.WARNING),
    ],
)
def test_severity_is_what_the_trainer_makes_of_it(case: str, severity: Severity) -> None:
    subjects = TestEvaluationBatchWithoutTrainedToken.faulty[case]
    (finding,) = run_check(evaluation_batch_without_trained_token, subjects).findings
    assert finding.severity is severity


def test_what_the_page_says_of_trl_is_so() -> None:
    healthy = supervised(()).evaluate()["eval_loss"]
    assert supervised((2, 3)).evaluate()["eval_loss"] == pytest.approx(healthy * 6 / 8, rel=0.05)
