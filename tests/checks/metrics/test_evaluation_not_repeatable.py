"""MET023 evaluation-not-repeatable."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.metrics.evaluation_not_repeatable import evaluation_not_repeatable
from tunewell.preflight import evaluate
from tunewell.testing import CheckCases


def functional(out: Path, *, follow: bool) -> Thing:
    """A head with functional dropout, which follows the mode of the model or not."""
    import torch

    class Dropped(torch.nn.Module):
        def forward(self, hidden: Thing) -> Thing:
            training = self.training if follow else True
            return torch.nn.functional.dropout(hidden, 0.3, training=training)

    model = tiny.encoder(**tasks.named())
    model.dropout = Dropped()
    return tasks.classifier(out, model=model)


@pytest.mark.reproduces("E01")
class TestEvaluationNotRepeatable(CheckCases):
    """Real models in evaluation mode."""

    check = evaluation_not_repeatable
    faulty = Live(evaluate.PROBE, always_on=lambda out: functional(out, follow=False))
    nearly = Live(evaluate.PROBE, follows_the_mode=lambda out: functional(out, follow=True))
    clean = Live(
        evaluate.PROBE, module=tasks.classifier, generation=tasks.translator, masked=tasks.masked
    )
