"""ERR002 weak-slice."""

import numpy as np
from tests.checks.evaluations import evaluation, random_errors

from tunewell.checks.errors.weak_slice import weak_slice
from tunewell.subjects.evaluation import Evaluation
from tunewell.testing import CheckCases, run_check

ROWS = 1500
WORDS = np.array(["card", "pin", "rate", "top", "fee", "atm", "cash", "lost", "new", "app"])


def texts(seed: int = 0) -> tuple[str, ...]:
    """Random words."""
    rng = np.random.default_rng(seed)
    return tuple(" ".join(rng.choice(WORDS, size=rng.integers(2, 7))) for _ in range(ROWS))


def weak_on(word: str, error: float, *, seed: int = 0) -> Evaluation:
    """Six of 100 rows wrong at random, and `error` of the rows with a word and an even class."""
    base = random_errors(ROWS, 10, 0.06, seed=seed, texts=texts(seed))
    assert base.texts is not None
    rng = np.random.default_rng(seed + 100)
    hit = np.array([word in text.split() for text in base.texts]) & (base.given == 4)
    hit &= rng.random(ROWS) < error
    predicted = np.where(hit, (base.given + 1) % 10, base.predicted)
    return evaluation(base.given, predicted, 10, texts=base.texts)


def unlearned() -> Evaluation:
    """Nine of ten rows wrong, but class 4 is always right: all other labels are weak."""
    base = random_errors(ROWS, 10, 1.0, texts=texts())
    good = (base.given == 4) | (np.random.default_rng(5).random(ROWS) < 0.02)
    return evaluation(base.given, np.where(good, base.given, base.predicted), 10, texts=base.texts)


class TestWeakSlice(CheckCases):
    """A word with a label that fails, a weaker one, and errors at random."""

    check = weak_slice
    faulty = {"a word with a label": (weak_on("pin", 0.8),)}
    nearly = {
        "hardly weaker than the rest": (weak_on("pin", 0.05),),
        "errors at random": (random_errors(ROWS, 10, 0.3, texts=texts()),),
        "without texts": (random_errors(ROWS, 10, 0.3),),
        "hardly anything learned": (unlearned(),),
        "too few rows": (random_errors(150, 10, 0.3),),
    }
    clean = {"a perfect model": (random_errors(ROWS, 10, 0.0, texts=texts()),)}


def test_the_predicate_is_named() -> None:
    """The planted word and label stand in the message."""
    message = run_check(weak_slice, (weak_on("pin", 0.8),)).findings[0].message
    assert "contains 'pin' and label 'class 4'" in message


def test_a_model_that_has_hardly_learned_is_no_case() -> None:
    """The reason gives both shares."""
    (skipped,) = run_check(weak_slice, (unlearned(),)).not_applicable
    assert "hardly learned: accuracy 13 % where" in str(skipped)
