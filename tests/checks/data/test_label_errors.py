"""DAT014 label-errors."""

from collections.abc import Mapping

import numpy as np
import pytest

from tunewell.checks.data.label_errors import label_errors
from tunewell.core.finding import DropRows, SetLabel
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.out_of_fold import OutOfFold
from tunewell.testing import CheckCases, dataset, run_check

TOPICS: Mapping[str, str] = {
    "garden": "soil seeds spade roses hedge compost lawn bulbs mulch weeds trellis greenhouse",
    "kitchen": "oven flour whisk simmer pepper dough saucepan butter recipe knead grill garlic",
    "railway": "platform carriage signal timetable locomotive ticket conductor sleeper track",
    "music": "violin chord rehearsal tempo melody choir conductor score rhythm cello organ flute",
}
COMMON = "please could you tell me about the new one we have here today and what it costs"


def texts_of(rows: int, *, seed: int, blend: float = 0.0) -> tuple[list[str], list[str]]:
    """Made rows of the four topics; a share `blend` of their words is of another topic."""
    rng = np.random.default_rng(seed)
    names = list(TOPICS)
    texts, labels = [], []
    for row in range(rows):
        topic = names[row % len(names)]
        other = names[(row + 1 + int(rng.integers(3))) % len(names)]
        words = [
            str(rng.choice(TOPICS[other if rng.random() < blend else topic].split()))
            for _ in range(5)
        ]
        words += [str(word) for word in rng.choice(COMMON.split(), 6)]
        rng.shuffle(words)
        texts.append(f"{' '.join(words)} {row}")
        labels.append(topic)
    return texts, labels


def slipped(labels: list[str], rate: float, *, seed: int = 0) -> list[str]:
    """The labels after a share of them was changed at random."""
    rng = np.random.default_rng(seed)
    names = list(TOPICS)
    return [
        names[(names.index(label) + 1 + int(rng.integers(3))) % 4] if rng.random() < rate else label
        for label in labels
    ]


def one_way(labels: list[str], rate: float) -> list[str]:
    """The labels after a share of the garden's rows was given to the kitchen."""
    rng = np.random.default_rng(1)
    return ["kitchen" if label == "garden" and rng.random() < rate else label for label in labels]


def planted(rate: float) -> tuple[Dataset, list[str]]:
    texts, right = texts_of(600, seed=3)
    return dataset(texts, slipped(right, rate)), right


def given_probabilities() -> tuple[Dataset, OutOfFold]:
    """Sharp probabilities for 400 rows, of which a twentieth have another label."""
    texts, right = texts_of(400, seed=4)
    labels = slipped(right, 0.05)
    names = tuple(sorted(TOPICS))
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(400, 4))
    logits[np.arange(400), [names.index(label) for label in right]] += 7
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = np.array([names.index(label) for label in labels])
    return dataset(texts, labels), OutOfFold(np.arange(400), names, ids, chances, "a test")


CLEAN, LABELS = texts_of(600, seed=3)
BLENDED, BLENDED_LABELS = texts_of(600, seed=5, blend=0.35)


class TestLabelErrors(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = label_errors
    faulty = {
        "random slips": (planted(0.06)[0],),
        "many slips": (planted(0.25)[0],),
        "one class loses rows to one other": (dataset(CLEAN, one_way(LABELS, 0.15)),),
        "probabilities are given": given_probabilities(),
        "slips in copies": (
            dataset([*CLEAN, *CLEAN[:200]], slipped([*LABELS, *LABELS[:200]], 0.06)),
        ),
    }
    nearly = {
        "three slips in 600 rows": (dataset(CLEAN, ["music", "garden", "railway", *LABELS[3:]]),),
        "hard texts, rightly labelled": (dataset(BLENDED, BLENDED_LABELS),),
        "a class of four rows": (dataset([*CLEAN, "a", "b", "c", "d"], [*LABELS, *"xxxx"]),),
        "labels at random": (dataset(CLEAN, slipped(LABELS, 0.75)),),
    }
    clean = {
        "right labels": (dataset(CLEAN, LABELS),),
        "rows without text or label": (
            dataset([*CLEAN, "", "unlabelled"], [*LABELS, "garden", None]),
        ),
    }


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.2])
def test_planted_slips_are_listed(rate: float) -> None:
    """Nine of ten listed rows are wrong and nine of ten wrong ones listed; the numbers say so."""
    data, right = planted(rate)
    (finding,) = run_check(label_errors, (data,)).findings
    wrong = {row for row, label in enumerate(right) if data.train.labels[row] != label}
    dropped = next(
        set(edit.rows) for fix in finding.fixes for edit in fix.edits if isinstance(edit, DropRows)
    )
    assert len(dropped & wrong) >= 0.9 * len(dropped)
    assert len(dropped & wrong) >= 0.9 * len(wrong)
    share, false = finding.evidence[0], finding.evidence[1]
    assert share.low <= 100 * len(wrong) / 600 <= share.high  # type: ignore[union-attr, operator]
    assert false.value <= 15  # type: ignore[union-attr, operator]


def test_relabelling_gives_the_right_labels() -> None:
    data, right = planted(0.1)
    (finding,) = run_check(label_errors, (data,)).findings
    edits = [edit for fix in finding.fixes for edit in fix.edits if isinstance(edit, SetLabel)]
    assert edits
    changed = [(row, edit.new) for edit in edits for row in edit.rows]
    assert sum(right[row] == new for row, new in changed) >= 0.95 * len(changed)


def test_names_the_direction() -> None:
    """One-sided errors are named as such, even ones are not."""
    (finding,) = run_check(label_errors, (dataset(CLEAN, one_way(LABELS, 0.15)),)).findings
    assert "labelled 'kitchen' and read like 'garden'" in finding.message
    (finding,) = run_check(label_errors, (planted(0.1)[0],)).findings
    assert "read like" not in finding.message


def test_random_errors_of_a_small_class_are_not_one_sided() -> None:
    """A large class gets most of a small one's errors by its size alone."""
    texts, labels = texts_of(1600, seed=6)
    kept = [row for row in range(1600) if labels[row] == "garden" or row % 16 == 1]
    few = [labels[row] for row in kept]
    rng = np.random.default_rng(2)
    swap = {"garden": "kitchen", "kitchen": "garden"}
    noisy = [swap[label] if rng.random() < 0.12 else label for label in few]
    for finding in run_check(label_errors, (dataset([texts[r] for r in kept], noisy),)).findings:
        assert "read like" not in finding.message


def test_probabilities_of_other_data_are_refused() -> None:
    data, given = given_probabilities()
    moved = dataset(data.train.texts[::-1], data.train.labels[::-1])
    outcomes = run_check(label_errors, (moved, given))
    assert "belong to other rows" in outcomes.not_run[0].reason


def test_too_few_rows_to_say() -> None:
    outcomes = run_check(label_errors, (dataset(["a", "b", "c"], ["x", "y", "x"]),))
    assert "fewer than two labels" in outcomes.not_applicable[0].reason


def test_thresholds_are_options() -> None:
    data = dataset(CLEAN, ["music", "garden", "railway", *LABELS[3:]])
    outcomes = run_check(label_errors, (data,), min_rows=1, min_share=0.0)
    assert len(outcomes.findings) == 1
