"""Splitting again by group."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.leakage.resplit import move_whole_groups
from tunewell.fixes.edits import edit_dataset
from tunewell.subjects.dataset import Dataset
from tunewell.testing import dataset

GROUPS = st.one_of(st.none(), st.integers(0, 6))
SIDE = st.lists(st.tuples(GROUPS, st.sampled_from("ab")), min_size=1, max_size=25)
Side = list[tuple[int | None, str]]


def made(here: Side, there: Side) -> tuple[Dataset, Dataset]:
    """The data before and after; each text says its group."""
    before = dataset(
        [f"{group}#{row}" for row, (group, _) in enumerate(here)],
        [label for _, label in here],
        evaluation=(
            [f"{group}#e{row}" for row, (group, _) in enumerate(there)],
            [x for _, x in there],
        ),
    )
    assert before.evaluation is not None
    moves = move_whole_groups(
        before.train, before.evaluation, [g for g, _ in here], [g for g, _ in there]
    )
    return before, edit_dataset(before, moves)


@given(SIDE, SIDE)
def test_no_group_is_left_on_both_sides_and_no_row_is_lost(here: Side, there: Side) -> None:
    before, after = made(here, there)
    assert after.evaluation is not None
    assert before.evaluation is not None
    one, other = ({t.partition("#")[0] for t in s.texts} for s in (after.train, after.evaluation))
    assert one & other <= {"None"}
    assert Counter([*after.train.texts, *after.evaluation.texts]) == Counter(
        [*before.train.texts, *before.evaluation.texts]
    )


def test_sizes_and_labels_stay_about_as_they_are() -> None:
    # 200 documents of 5 chunks, four in five of the chunks in training: every document leaks.
    rows = [(n // 5, "ab"[(n // 5) % 2]) for n in range(1000)]
    here: Side = [row for n, row in enumerate(rows) if n % 5]
    there: Side = [row for n, row in enumerate(rows) if not n % 5]
    _, after = made(here, there)
    assert after.evaluation is not None
    assert len(after.evaluation) == 200
    assert Counter(after.evaluation.labels) == {"a": 100, "b": 100}


def test_what_does_not_leak_stays() -> None:
    before, after = made([(1, "a"), (2, "b"), (None, "a")], [(3, "a"), (None, "b")])
    assert after.train.texts == before.train.texts
