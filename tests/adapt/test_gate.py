"""The gate, the mixture and the record."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tunewell.adapt import record
from tunewell.adapt.gate import Decision, gate
from tunewell.adapt.replay import mix
from tunewell.core.errors import InputError
from tunewell.subjects.evaluation import Evaluation, EvaluationPair
from tunewell.testing import split


def pair(*, both: int, fixed: int, broke: int, neither: int) -> EvaluationPair:
    """So many rows of each kind."""
    counts = [both, fixed, broke, neither]
    was, now = np.repeat([1, 0, 1, 0], counts), np.repeat([1, 1, 0, 0], counts)
    given = np.zeros(len(was), dtype=np.int64)
    return EvaluationPair(
        Evaluation("old", ("a", "b"), given, 1 - was), Evaluation("new", ("a", "b"), given, 1 - now)
    )


SAME = pair(both=540, fixed=5, broke=5, neither=50)
BETTER = pair(both=100, fixed=60, broke=2, neither=20)
WORSE = pair(both=400, fixed=5, broke=80, neither=50)
UNCLEAR = pair(both=40, fixed=4, broke=5, neither=8)


def test_kept_and_better_is_accepted() -> None:
    """Old rows surely kept, new ones better."""
    found = gate(SAME, BETTER)
    assert found.decision is Decision.ACCEPT
    assert "not worse on 600 old rows" in found.reasons[0]
    assert "better on 182 new rows" in found.reasons[1]


def test_forgetting_is_refused_whatever_is_gained() -> None:
    """A gain on new rows does not pay for a loss on old ones."""
    assert gate(WORSE, BETTER).decision is Decision.REFUSE
    assert gate(SAME, WORSE).decision is Decision.REFUSE


def test_few_rows_decide_nothing() -> None:
    """Fifty rows cannot exclude a loss of three points."""
    found = gate(UNCLEAR, BETTER)
    assert found.decision is Decision.NOT_ENOUGH
    assert "do not tell" in found.reasons[0]


def test_no_false_acceptance_of_a_real_loss() -> None:
    """A candidate that loses 6 points on 600 old rows is accepted less than once in 20."""
    rng = np.random.default_rng(1)
    accepted = 0
    for _ in range(100):
        broke, fixed, _kept = rng.multinomial(600, [0.08, 0.02, 0.9])
        old = pair(both=600 - broke - fixed - 50, fixed=fixed, broke=broke, neither=50)
        accepted += gate(old, BETTER).decision is Decision.ACCEPT
    assert accepted <= 5


def test_all_old_rows_are_kept_by_default() -> None:
    """And a new row that is known already is not taken twice."""
    old = split(["a", "b", "c"], ["x", "y", "x"])
    mixed = mix(old, split(["c", "d"], ["x", "y"], "new"))
    assert list(mixed.split.texts) == ["a", "b", "c", "d"]
    assert mixed.kept_old == (0, 1, 2)
    assert (mixed.new_rows, mixed.repeated) == (1, 1)


def test_a_share_is_drawn_within_each_label() -> None:
    """A tenth of each label, and at least one row."""
    old = split([str(n) for n in range(112)], ["a"] * 100 + ["b"] * 10 + ["c"] * 2)
    mixed = mix(old, split(["new"], ["a"], "new"), share=0.1, seed=3)
    assert Counter(mixed.split.labels) == {"a": 11, "b": 1, "c": 1}
    assert mixed.kept_old == mix(old, split(["new"], ["a"], "new"), share=0.1, seed=3).kept_old
    with pytest.raises(ValueError, match="above 0"):
        mix(old, old, share=0.0)


def entry(decision: str, candidate: str) -> record.Entry:
    """A line of the record."""
    return record.Entry(
        time="2026-01-01T00:00:00+00:00",
        decision=decision,
        current="one",
        candidate=candidate,
        train_rows="3 of 3 old rows and 1 new rows",
        reasons=("better",),
        old_accuracy=(0.9, 0.9),
        new_accuracy=(0.5, 0.8),
    )


def test_record_only_grows_and_survives_a_torn_line(tmp_path: Path) -> None:
    """The last accepted model that is still there counts."""
    (tmp_path / "good").mkdir()
    record.append(tmp_path, entry("accept", str(tmp_path / "good")))
    before = (tmp_path / record.FILE_NAME).read_bytes()
    record.append(tmp_path, entry("refuse", str(tmp_path / "bad")))
    record.append(tmp_path, entry("accept", str(tmp_path / "gone")))
    path = tmp_path / record.FILE_NAME
    assert path.read_bytes().startswith(before)
    with path.open("ab") as file:
        file.write(b'{"time": "20')
    assert [e.decision for e in record.entries(tmp_path)] == ["accept", "refuse", "accept"]
    assert record.accepted(tmp_path) == tmp_path / "good"
    record.append(tmp_path, entry("refuse", "later"))
    assert [e.candidate for e in record.entries(tmp_path)][-1] == "later"
    assert record.accepted(tmp_path / "nowhere") is None


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    """Not silently skipped."""
    (tmp_path / record.FILE_NAME).write_text("{}\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1"):
        record.entries(tmp_path)
