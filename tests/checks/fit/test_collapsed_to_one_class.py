"""FIT043 collapsed-to-one-class."""

import pytest
from tests.checks.curves import run

from tunewell.checks.fit.collapsed_to_one_class import collapsed_to_one_class
from tunewell.subjects.trace import Trace
from tunewell.testing import CheckCases

BATCHES = {"per_device_train_batch_size": 16}


def trained(*, said: float, true: float, steps: int = 90, finished: bool = True) -> Trace:
    """A classifier that ends with these shares of its commonest answer and label."""
    shares = [0.6] * (steps // 2) + [said] * (steps - steps // 2)
    return run(
        predicted_top_share=shares, label_top_share=[true] * steps, classes=4, settings=BATCHES,
        max_steps=100, finished=finished,
    )  # fmt: skip


def judged(accuracy: float, f1: float, *, classes: int = 2) -> Trace:
    """Two evaluations with the same scores."""
    both = {"eval_accuracy": [0.6, accuracy, accuracy], "eval_f1": [0.5, f1, f1]}
    return run(**both, classes=classes)  # type: ignore[arg-type]


class TestCollapsedToOneClass(CheckCases):
    """One answer for all rows, against uneven classes that are learned."""

    check = collapsed_to_one_class
    faulty = {
        "even classes": (trained(said=1.0, true=0.3),),
        "uneven classes": (trained(said=1.0, true=0.93),),
        "by two evaluations": (
            run(
                eval_predicted_top_share=[0.7, 1.0, 1.0], eval_label_top_share=[0.8] * 3, classes=2
            ),
        ),
        "by macro F1": (judged(0.853, 2 * 0.853 / 1.853 / 2),),
        "by an F1 of 0": (judged(0.9, 0.0),),
    }
    nearly = {
        "uneven classes that are found": (trained(said=0.95, true=0.93),),
        "too few rows of the others": (trained(said=1.0, true=0.98),),
        "while it goes on": (trained(said=1.0, true=0.3, steps=60, finished=False),),
        "a first evaluation": (
            run(eval_accuracy=[0.853, 0.97, 0.99], eval_f1=[0.46, 0.93, 0.97], classes=2),
        ),
        "all right": (judged(1.0, 1.0, classes=2),),
        "a rate of 0": (
            run(
                predicted_top_share=[1.0] * 90, label_top_share=[0.3] * 90, classes=4,
                learning_rate=[0.0] * 90,
            ),
        ),
    }  # fmt: skip
    clean = {"learned": (trained(said=0.32, true=0.3),), "no classifier": (run(loss=[1.0] * 9),)}


@pytest.mark.parametrize("classes", [2, 3, 10, 77])
def test_the_macro_f1_of_one_answer(classes: int) -> None:
    """The formula is that of scikit-learn's macro F1 for any share of the larger class."""
    from sklearn.metrics import f1_score

    true = [0] * 40 + [at % classes for at in range(60)]
    share = true.count(0) / len(true)
    score = f1_score(true, [0] * 100, average="macro", labels=list(range(classes)), zero_division=0)
    assert score == pytest.approx(2 * share / (1 + share) / classes)
