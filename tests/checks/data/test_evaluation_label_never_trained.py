"""DAT011 evaluation-label-never-trained."""

from tunewell.checks.data.evaluation_label_never_trained import evaluation_label_never_trained
from tunewell.testing import CheckCases, dataset


class TestEvaluationLabelNeverTrained(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = evaluation_label_never_trained
    faulty = {
        "a spelling": (dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", "y"], ["A", "b"])),)
    }
    nearly = {
        "a label that is only trained": (
            dataset(["hi", "ho"], ["a", "b"], evaluation=(["x"], ["a"])),
        )
    }
    clean = {
        "the same labels": (dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", "y"], ["b", "a"])),)
    }
