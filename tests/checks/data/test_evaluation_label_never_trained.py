"""DAT011 evaluation-label-never-trained."""

from tunewell.checks.data.evaluation_label_never_trained import evaluation_label_never_trained
from tunewell.testing import CheckCases, dataset, rows


class TestEvaluationLabelNeverTrained(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = evaluation_label_never_trained
    faulty = {
        "a new class": (dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", "y"], ["c", "b"])),),
        "in a set of labels": (
            rows(
                [{"text": f"row {at}", "labels": ["a", "b"]} for at in range(9)],
                evaluation=[{"text": "x", "labels": ["a", "c"]}],
            ),
        ),
        "a tag": (
            rows(
                [{"tokens": ["x", "y"], "ner_tags": ["O", "B-LOC"]} for _ in range(9)],
                evaluation=[{"tokens": ["x", "y"], "ner_tags": ["O", "B-PER"]}],
            ),
        ),
        "a spelling": (dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", "y"], ["A", "b"])),),
    }
    nearly = {
        "a label that is only trained": (
            dataset(["hi", "ho"], ["a", "b"], evaluation=(["x"], ["a"])),
        )
    }
    clean = {
        "the same labels": (dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", "y"], ["b", "a"])),)
    }
