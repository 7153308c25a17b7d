"""ERR001 confused-pair."""

import numpy as np
from tests.checks.evaluations import evaluation, random_errors

from tunewell.checks.errors.confused_pair import confused_pair
from tunewell.core.finding import Table
from tunewell.subjects.evaluation import Evaluation
from tunewell.testing import CheckCases, dataset, run_check


def mixed_up(share: float, *, seed: int = 0) -> Evaluation:
    """Errors at random, and `share` of class 3 answered as class 7 on top."""
    base = random_errors(1200, 12, 0.08, seed=seed)
    moved = (base.given == 3) & (np.random.default_rng(seed + 1).random(1200) < share)
    return evaluation(base.given, np.where(moved, 7, base.predicted), 12)


def unlearned(rows: int = 400) -> Evaluation:
    """Ten classes, two answers: half of what is not class 0 is called class 1."""
    given = np.arange(rows) % 10
    predicted = np.where(np.random.default_rng(0).random(rows) < 0.5, 0, 1)
    predicted = np.where((given == 3) | (given == 1), 1, predicted)
    return evaluation(given, predicted, 10)


TRAIN = dataset(
    [
        "please tell me where is my card now",
        "when will the card arrive",
        "top up failed",
        "please tell me where is my card today",
    ],
    ["class 3", "class 3", "class 1", "class 7"],
)


class TestConfusedPair(CheckCases):
    """A planted pair, weaker ones, and errors at random."""

    check = confused_pair
    faulty = {"a planted pair": (mixed_up(0.35),), "with training data": (mixed_up(0.35), TRAIN)}
    nearly = {
        "errors at random": (random_errors(1200, 12, 0.3),),
        "hardly anything learned": (unlearned(),),
        "a pair below one in seven": (mixed_up(0.03),),
        "two classes only": (random_errors(400, 2, 0.2),),
    }
    clean = {"a perfect model": (random_errors(400, 8, 0.0),)}


def test_the_blurred_boundary_is_shown() -> None:
    """Training texts of both classes that nearly repeat one another are quoted."""
    finding = run_check(confused_pair, (mixed_up(0.35), TRAIN)).findings[0]
    assert "'class 3' is answered 'class 7'" in finding.message
    assert "1 training text of the one nearly repeats" in finding.message
    table = finding.evidence[2]
    assert isinstance(table, Table)
    assert table.rows == (
        (2, "please tell me where is my card now", 5, "please tell me where is my card today"),
    )


def test_a_model_that_has_hardly_learned_is_no_case() -> None:
    """It would be said without the rule."""
    assert "hardly learned" in str(run_check(confused_pair, (unlearned(),)).not_applicable)
    assert run_check(confused_pair, (unlearned(),), min_learned=0.0).findings
