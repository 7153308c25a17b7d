"""DAT123 first-step-raises."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.live import Live, Thing

from tunewell.checks.data.first_step_raises import first_step_raises
from tunewell.preflight import trial
from tunewell.testing import CheckCases, run_check


def flags(out: Path, kind: type) -> Thing:
    """Multi-label rows with flags of this type."""
    rows = [
        {**row, "labels": [kind(row["labels"] == at) for at in range(3)]}
        for row in tasks.classified()
    ]
    model = tiny.encoder(num_labels=3, problem_type="multi_label_classification")
    return tasks.classifier(out, rows=rows, judged=rows[:8], model=model, compute_metrics=None)


def own_loss(out: Path, *, divide_by: int) -> Thing:
    def loss(outputs: Thing, labels: Thing, **_: Thing) -> Thing:
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs.logits, labels) * (1 // divide_by)

    trainer = tasks.classifier(out)
    trainer.compute_loss_func = loss
    return trainer


def no_rows(out: Path) -> Thing:
    trainer = tasks.classifier(out)
    trainer.train_dataset = trainer.train_dataset.select([])
    return trainer


@pytest.mark.reproduces("D28")
class TestFirstStepRaises(CheckCases):
    """Real first steps that raise."""

    check = first_step_raises
    faulty = Live(
        trial.PROBE,
        whole_flags=lambda out: flags(out, int),
        a_loss_of_the_users_own=lambda out: own_loss(out, divide_by=0),
        no_rows=no_rows,
    )
    nearly = Live(
        trial.PROBE,
        flags_of_decimals=lambda out: flags(out, float),
        a_loss_that_works=lambda out: own_loss(out, divide_by=1),
        # The matter of another check.
        labels_outside=lambda out: tasks.classifier(out, model=tiny.encoder(num_labels=2)),
    )
    clean = Live(trial.PROBE, healthy=tasks.classifier)

    def test_the_users_own_line_is_shown(self) -> None:
        """Not the library's."""
        said = run_check(first_step_raises, self.faulty["a loss of the users own"]).findings[0]
        assert "ZeroDivisionError" in said.message
        assert "test_first_step_raises.py" in said.message
        assert said.evidence[1].text.endswith("(1 // divide_by)")  # type: ignore[union-attr]
