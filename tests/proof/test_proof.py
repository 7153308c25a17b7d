"""`compare` and `prove`: verdicts, sentences, early stopping, and false alarms by simulation."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from tunewell.core.errors import InputError, SettingsError
from tunewell.core.proof import Verdict
from tunewell.proof.compare import compare
from tunewell.proof.experiment import prove, spend
from tunewell.proof.scores import row_scores
from tunewell.subjects.evaluation import Evaluation

CLASSES = 10
NAMES = tuple(f"class {number}" for number in range(CLASSES))
POINTS_PER_UNIT = 0.107
"""Accuracy gained by one unit of skill in the simulated world below."""

Trainer = Callable[[int], Evaluation]


def evaluation(right: np.ndarray, given: np.ndarray | None = None) -> Evaluation:
    """An evaluation that is right where it is told to be, else one class off."""
    given = np.arange(len(right)) % CLASSES if given is None else given
    predicted = np.where(right, given, (given + 1) % CLASSES)
    return Evaluation("eval", NAMES, given.astype(np.int64), predicted.astype(np.int64))


def with_right(share: float, rows: int) -> np.ndarray:
    """The first `share` of the rows right."""
    return np.arange(rows) < round(share * rows)


def world(
    rng: np.random.Generator, *, rows: int, gain: float, spread: float
) -> tuple[Trainer, Trainer]:
    """Control and change: rows differ in difficulty, seeds in luck, each training in its own."""
    skill = rng.normal(2.2, 1.5, rows)
    given = rng.integers(0, CLASSES, rows)

    def arm(better: float) -> Trainer:
        def train(_seed: int) -> Evaluation:
            logit = skill + better / POINTS_PER_UNIT + rng.normal(0, spread / POINTS_PER_UNIT)
            return evaluation(rng.random(rows) < 1 / (1 + np.exp(-logit)), given)

        return train

    return arm(0.0), arm(gain)


def shares(
    *, rows: int, seeds: int, gain: float, spread: float, metric: str = "accuracy", trials: int
) -> Counter[Verdict]:
    """How often each verdict is given."""
    rng = np.random.default_rng(rows + seeds)
    counts: Counter[Verdict] = Counter()
    for _ in range(trials):
        control, change = world(rng, rows=rows, gain=gain, spread=spread)
        proof = prove(
            control,
            change,
            title="t",
            seeds=range(seeds),
            metric="macro_f1" if metric == "macro_f1" else "accuracy",
        )
        counts[proof.verdict] += 1
    return counts


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.015])
def test_false_better_stays_below_alpha(seeds: int, spread: float) -> None:
    """A change that does nothing is called better in at most 5 of 100 experiments."""
    counts = shares(rows=500, seeds=seeds, gain=0.0, spread=spread, trials=400)
    # 400 trials at a true 5 % stay below 7 % in 97 of 100 runs.
    assert counts[Verdict.BETTER] / 400 <= 0.05 + 0.02
    assert counts[Verdict.WORSE] / 400 <= 0.05 + 0.02


def test_false_better_stays_below_alpha_for_macro_f1() -> None:
    """The same for the other metric."""
    counts = shares(rows=400, seeds=3, gain=0.0, spread=0.01, metric="macro_f1", trials=30)
    assert counts[Verdict.BETTER] <= 4


def test_a_real_gain_is_found() -> None:
    """6 points on 500 rows with 3 seeds that spread by 1 point are found in most experiments."""
    counts = shares(rows=500, seeds=3, gain=0.06, spread=0.01, trials=100)
    assert counts[Verdict.BETTER] >= 75
    assert counts[Verdict.WORSE] == 0


def test_better_worse_and_the_sentence() -> None:
    """A clear difference is named both ways round, with its numbers."""
    low, high = evaluation(with_right(0.7, 400)), evaluation(with_right(0.8, 400))
    proof = compare(low, high, title="more data")
    assert proof.verdict is Verdict.BETTER
    assert (proof.fixed, proof.broke, proof.rows) == (40, 0, 400)
    assert proof.difference.value == pytest.approx(0.1)
    assert proof.difference.low < 0.1 < proof.difference.high
    assert "rose from 70.0 % to 80.0 % (+10.0 points" in proof.sentence
    assert "40 answers repaired, 0 broken, p < 0.001" in proof.sentence
    assert compare(high, low, title="less data").verdict is Verdict.WORSE


def test_the_same_model_is_equivalent_on_many_rows_only() -> None:
    """No discordant row on 2,000 rows is equivalence; on 40 rows it is too little to tell."""
    many, few = evaluation(with_right(0.9, 2000)), evaluation(with_right(0.9, 40))
    assert compare(many, many, title="same").verdict is Verdict.EQUIVALENT
    assert compare(few, few, title="same").verdict is Verdict.NOT_ENOUGH


def test_a_lead_on_few_rows_asks_for_more() -> None:
    """Four points on 100 rows are not enough, and the rows that would be are told."""
    flips = np.zeros(100, dtype=bool)
    flips[:14] = True
    before, after = with_right(0.8, 100), with_right(0.8, 100)
    after[80:89] = True
    after[:5] = False
    proof = compare(evaluation(before), evaluation(after), title="t")
    assert proof.verdict is Verdict.NOT_ENOUGH
    assert proof.rows_needed is not None
    assert 400 < proof.rows_needed < 900
    assert f"{proof.rows_needed:,} evaluation rows" in proof.sentence


def test_a_handful_of_discordant_rows_decides_nothing() -> None:
    """Nine repaired rows and none broken: p is 0.004 and still it is not a proof."""
    proof = compare(evaluation(with_right(0.70, 300)), evaluation(with_right(0.73, 300)), title="t")
    assert proof.p_value < 0.01
    assert proof.verdict is Verdict.NOT_ENOUGH


def test_a_trifle_is_not_better() -> None:
    """0.3 points, certain on 10,000 rows, is no improvement worth a change."""
    proof = compare(
        evaluation(with_right(0.700, 10_000)), evaluation(with_right(0.703, 10_000)), title="t"
    )
    assert proof.p_value < 0.001
    assert proof.verdict is Verdict.EQUIVALENT


def test_more_comparisons_ask_for_more() -> None:
    """What suffices for one question does not for twenty."""
    before, after = with_right(0.7, 300), with_right(0.7, 300)
    after[210:228] = True
    after[:5] = False
    one, two = evaluation(before), evaluation(after)
    assert compare(one, two, title="t").verdict is Verdict.BETTER
    assert compare(one, two, title="t", comparisons=20).verdict is Verdict.NOT_ENOUGH


def test_rows_must_match() -> None:
    """Different rows, labels or numbers of runs are refused with what differs."""
    one = evaluation(with_right(0.5, 50))
    with pytest.raises(InputError, match="50 and 60 rows"):
        compare(one, evaluation(with_right(0.5, 60)), title="t")
    shuffled = evaluation(with_right(0.5, 50), given=np.arange(50)[::-1] % CLASSES)
    with pytest.raises(InputError, match="different labels to 50 rows, first to row 1"):
        compare(one, shuffled, title="t")
    with pytest.raises(InputError, match="as many evaluations"):
        compare([one, one], [one], title="t")
    with pytest.raises(InputError, match="no rows"):
        compare(evaluation(with_right(0.5, 0)), evaluation(with_right(0.5, 0)), title="t")


def test_label_ids_may_differ() -> None:
    """Two files may number the same label names differently."""
    one = evaluation(with_right(0.7, 400))
    order = tuple(reversed(NAMES))
    other = Evaluation(
        "other", order, CLASSES - 1 - one.given, CLASSES - 1 - one.predicted, file="b.csv"
    )
    proof = compare(one, other, title="t")
    assert (proof.fixed, proof.broke) == (0, 0)


def test_row_scores_average_to_the_metric() -> None:
    """The mean score is accuracy, and scikit-learn's macro-F1."""
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    given = rng.integers(0, 7, 300)
    predicted = np.where(rng.random(300) < 0.6, given, rng.integers(0, 9, 300))
    run = Evaluation("e", NAMES, given, predicted)
    assert row_scores([run], "accuracy").mean() == pytest.approx(np.mean(given == predicted))
    expected = f1_score(given, predicted, average="macro")
    assert row_scores([run], "macro_f1").mean() == pytest.approx(expected)


def test_stops_after_two_seeds_when_certain() -> None:
    """A control that learned nothing needs no third seed, and each is asked once a seed."""
    asked: list[tuple[str, int]] = []

    def train(side: str, share: float) -> Trainer:
        def run(seed: int) -> Evaluation:
            asked.append((side, seed))
            return evaluation(with_right(share + 0.01 * seed, 500))

        return run

    proof = prove(train("a", 0.1), train("b", 0.8), title="t", seeds=(0, 1, 2), comparisons=6)
    assert proof.verdict is Verdict.BETTER
    assert proof.seeds == (0, 1)
    assert asked == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    full = prove(train("a", 0.1), train("b", 0.8), title="t", seeds=(0, 1, 2), stop_early=False)
    assert full.seeds == (0, 1, 2)


def test_seeds_that_disagree_are_not_averaged_into_a_proof() -> None:
    """Control collapsed once and was as good once: the mean leads, the seeds do not agree."""
    control = {0: 0.2, 1: 0.8}
    proof = prove(
        lambda seed: evaluation(with_right(control[seed], 1000)),
        lambda _seed: evaluation(with_right(0.8, 1000)),
        title="t",
        seeds=(0, 1),
    )
    assert proof.p_value > 0.05
    assert proof.verdict is Verdict.NOT_ENOUGH
    assert "more seeds" in proof.sentence


def test_spending_adds_up_to_alpha() -> None:
    """The looks together cost alpha, the early ones the least."""
    levels = spend(0.05, (2, 3, 4, 5), 5)
    assert sum(levels.values()) == pytest.approx(0.05)
    assert levels[2] < levels[3] < levels[5]


def test_seeds_are_required() -> None:
    """None, or one twice, is refused."""
    train = world(np.random.default_rng(0), rows=50, gain=0, spread=0)[0]
    with pytest.raises(SettingsError, match="at least one seed"):
        prove(train, train, title="t", seeds=())
    with pytest.raises(SettingsError, match="only once"):
        prove(train, train, title="t", seeds=(1, 1))
