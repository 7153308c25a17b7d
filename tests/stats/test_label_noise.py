"""Label errors: planted ones are found, both ends are stated, nothing depends on scale or order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tunewell.stats.label_noise import LabelErrors, label_errors

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def softmax(logits: Floats) -> Floats:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def separated(rows: int, classes: int, seed: int, distance: float = 8.0) -> tuple[Floats, Ints]:
    """Log chances of classes that are round clouds, exact, and the right labels.

    The centres of two clouds are `distance` standard deviations apart on average.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 12)) * distance / np.sqrt(24)
    right = rng.integers(0, classes, rows)
    points = centres[right] + rng.normal(size=(rows, 12))
    logits = points @ centres.T - (centres**2).sum(axis=1) / 2
    return logits - logits.max(axis=1, keepdims=True), right


def drawn(chances: Floats, rng: np.random.Generator) -> Ints:
    passed = (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1)
    picked: Ints = np.minimum(passed, chances.shape[1] - 1)
    return picked


def slips(right: Ints, classes: int, rate: float, seed: int) -> Ints:
    """The labels after each was changed with chance `rate` to any other."""
    rng = np.random.default_rng(seed)
    other = (right + rng.integers(1, classes, len(right))) % classes
    return np.where(rng.random(len(right)) < rate, other, right)


def f1(flagged: Mask, wrong: Mask) -> float:
    return 2 * float((flagged & wrong).sum()) / max(1, int(flagged.sum() + wrong.sum()))


def oracle(found: LabelErrors, wrong: Mask) -> float:
    """The best F1 of any cut of the ranking."""
    hits = np.cumsum(wrong[found.order])
    best: float = (2 * hits / (np.arange(1, len(wrong) + 1) + wrong.sum())).max()
    return best


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
@pytest.mark.parametrize(("classes", "rate"), [(2, 0.1), (3, 0.05), (10, 0.2), (60, 0.05)])
def test_slips_among_separated_classes(classes: int, rate: float, scale: float) -> None:
    """Within 5 % of the best cut, for calibrated, under- and overconfident models alike."""
    logits, right = separated(6000, classes, seed=classes)
    labels = slips(right, classes, rate, seed=1)
    wrong = labels != right
    found = label_errors(softmax(scale * logits), labels)
    assert f1(found.flagged, wrong) >= 0.95 * oracle(found, wrong)
    assert f1(found.flagged, wrong) >= 0.85


@pytest.mark.parametrize("classes", [3, 10, 60])
def test_slips_are_counted(classes: int) -> None:
    """Where the fitted reading is the truth, its numbers are right and the sure errors random."""
    logits, right = separated(8000, classes, seed=classes + 1, distance=6.5)
    labels = slips(right, classes, 0.1, seed=2)
    wrong = labels != right
    found = label_errors(softmax(logits), labels)
    assert found.temperature == pytest.approx(1.0, abs=0.15)
    assert found.sure.sum() == pytest.approx(wrong.sum(), rel=0.05)
    assert found.wrong.low <= wrong.mean() <= found.wrong.high
    assert found.least_wrong <= wrong.sum()
    false = 1 - wrong[found.flagged].mean()
    assert found.false_discovery.low <= false <= found.false_discovery.high
    if classes > 3:
        assert found.hesitation < 0.3


@pytest.mark.parametrize("distance", [3.0, 5.0])
def test_hesitating_labellers(distance: float) -> None:
    """Right is what two readers agree on, and a label is one reader's: near the best cut."""
    rng = np.random.default_rng(0)
    logits, _ = separated(20_000, 8, seed=1, distance=distance)
    chances = softmax(logits)
    labels = drawn(chances, rng)
    agreed = chances**2 / (chances**2).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    kept = rng.random(len(labels)) < agreed[rows, labels] / chances[rows, labels]
    gained = np.maximum(agreed - chances, 0) + 1e-300
    right = np.where(kept, labels, drawn(gained / gained.sum(axis=1, keepdims=True), rng))
    wrong = labels != right
    found = label_errors(chances, labels)
    assert f1(found.flagged, wrong) >= 0.95 * oracle(found, wrong)
    assert found.hesitation > 0.4
    assert found.wrong.low <= wrong.mean() <= found.wrong.high
    false = 1 - wrong[found.flagged].mean()
    assert found.false_discovery.low <= false <= found.false_discovery.high


def test_doubt_alone_proves_no_error() -> None:
    """A calibrated model of right labels: the lower bound stays near nothing."""
    logits, right = separated(10_000, 20, seed=5, distance=4.0)
    found = label_errors(softmax(logits), right)
    assert found.least_wrong < 0.002 * 10_000
    assert found.wrong.low < 0.003


def test_one_way_noise_is_ranked_and_suggested() -> None:
    """A tenth of one class carries another's label: those rows come first, with the right one."""
    logits, right = separated(5000, 6, seed=8)
    rng = np.random.default_rng(3)
    labels = np.where((right == 2) & (rng.random(5000) < 0.1), 4, right)
    wrong = labels != right
    found = label_errors(softmax(logits), labels)
    assert f1(found.flagged, wrong) >= 0.85
    hits = found.flagged & wrong
    assert (found.suggested[hits] == 2).mean() > 0.95


def test_zeros_and_half_precision() -> None:
    """Clipped probabilities and float16 give nearly what full ones give."""
    logits, right = separated(4000, 10, seed=6)
    labels = slips(right, 10, 0.08, seed=4)
    wrong = labels != right
    whole = softmax(logits)
    clipped = np.where(whole < 1e-4, 0.0, whole)
    full = f1(label_errors(whole, labels).flagged, wrong)
    for other in (clipped, whole.astype(np.float16), whole.astype(np.float32)):
        assert f1(label_errors(other, labels).flagged, wrong) == pytest.approx(full, abs=0.02)


def test_order_of_rows_does_not_matter() -> None:
    """Shuffled rows get the same answers."""
    logits, right = separated(1500, 5, seed=9)
    chances, labels = softmax(logits), slips(right, 5, 0.1, seed=9)
    order = np.random.default_rng(0).permutation(1500)
    one, other = label_errors(chances, labels), label_errors(chances[order], labels[order])
    np.testing.assert_allclose(one.posterior[order], other.posterior, atol=1e-6)
    assert (one.flagged[order] == other.flagged).all()


def test_names_of_classes_do_not_matter() -> None:
    """Classes numbered anew give the same answers."""
    logits, right = separated(1500, 5, seed=10)
    chances, labels = softmax(logits), slips(right, 5, 0.1, seed=10)
    order = np.array([3, 0, 4, 1, 2])
    one = label_errors(chances, labels)
    other = label_errors(chances[:, order], np.argsort(order)[labels])
    np.testing.assert_allclose(one.posterior, other.posterior, atol=1e-6)
    assert (one.suggested == order[other.suggested]).all()


@st.composite
def anything(draw: st.DrawFn) -> tuple[Floats, Ints]:
    rows, classes = draw(st.integers(0, 30)), draw(st.integers(2, 6))
    values = st.floats(0, 1, width=32)
    raw = draw(arrays(np.float64, (rows, classes), elements=values)) + 1e-12
    labels = draw(arrays(np.int64, rows, elements=st.integers(0, classes - 1)))
    return raw / raw.sum(axis=1, keepdims=True), labels


@settings(max_examples=60, deadline=None)
@given(anything())
def test_whatever_comes_the_answer_is_sound(case: tuple[Floats, Ints]) -> None:
    """Chances are chances, the order holds every row once, flagged rows have a better class."""
    chances, labels = case
    found = label_errors(chances, labels)
    rows = np.arange(len(labels))
    assert sorted(found.order.tolist()) == rows.tolist()
    assert ((found.posterior >= 0) & (found.posterior <= 1)).all()
    assert (found.sure <= found.posterior + 1e-12).all()
    assert (np.diff(found.posterior[found.order]) <= 1e-12).all()
    assert (found.suggested != labels).all()
    flagged = found.flagged
    assert (chances[rows, found.suggested][flagged] >= chances[rows, labels][flagged] - 1e-12).all()
    for share in (found.wrong, found.false_discovery):
        assert 0 <= share.low <= share.value <= share.high <= 1
    assert found.least_wrong <= found.sure.sum() + 1e-9
    assert 0 <= found.hesitation <= 0.5


@pytest.mark.parametrize(
    ("chances", "labels", "problem"),
    [
        (np.ones((3, 1)), [0, 0, 0], "k >= 2"),
        (np.full((3, 2), 0.5), [0, 1], "3 rows"),
        (np.full((2, 2), 0.5), [0, 2], "not one of the 2 classes"),
        (np.array([[np.nan, 1.0]]), [0], "not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(chances: Floats, labels: list[int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        label_errors(chances, np.array(labels))
