"""DAT113 classes-learned-as-numbers."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.classes_learned_as_numbers import classes_learned_as_numbers
from tunewell.core.finding import Confidence
from tunewell.preflight import trial
from tunewell.testing import CheckCases, run_check


def one_output(out: Path, label: Thing, *, named: bool = False, **settings: Thing) -> Thing:
    """A head of one output over labels made from the row's number."""
    tokens = tiny.tokenizer()
    data = tiny.dataset(
        [{**tokens(text), "labels": label(at)} for at, text in enumerate(tiny.sentences(24))]
    )
    if named:
        from datasets import ClassLabel

        data = data.cast_column("labels", ClassLabel(names=["no", "perhaps", "yes"]))
    model = tiny.encoder(num_labels=1, **settings)
    return tasks.classifier(out, rows=data, judged=data, model=model, compute_metrics=None)


@pytest.mark.reproduces("D26")
class TestClassesLearnedAsNumbers(CheckCases):
    """Real heads of one output: transformers trains them without a word."""

    check = classes_learned_as_numbers
    faulty = Live(
        trial.PROBE,
        yes_or_no=lambda out: one_output(out, lambda at: at % 2),
        three=lambda out: one_output(out, lambda at: at % 3),
        three_with_names=lambda out: one_output(out, lambda at: at % 3, named=True),
    )
    nearly = Live(
        trial.PROBE,
        regression_on_purpose=lambda out: one_output(
            out, lambda at: at % 3, problem_type="regression"
        ),
        stars=lambda out: one_output(out, lambda at: 1 + at % 5),
        whole_numbers_stored_as_decimals=lambda out: one_output(out, lambda at: float(at % 3)),
        many_values=lambda out: one_output(out, lambda at: at),
        # A quantity that happens to be whole in each row, with gaps.
        gaps=lambda out: one_output(out, lambda at: (at % 4) * 10),
    )
    clean = Live(trial.PROBE, three_outputs=tasks.classifier, decimals=tasks.regression)

    def test_it_is_sure_of_two_classes_and_of_names(self) -> None:
        """Three numbers might be grades."""
        sure = {
            name: run_check(classes_learned_as_numbers, case).findings[0].confidence
            for name, case in self.faulty.items()
        }
        assert sure == {
            "yes or no": Confidence.HIGH,
            "three": Confidence.MEDIUM,
            "three with names": Confidence.HIGH,
        }
