"""Two changes of one text."""

from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.finding import SetText
from tunewell.fixes.edits import edit_dataset
from tunewell.fixes.merge import merged
from tunewell.testing import dataset

texts = st.text("ab cd", max_size=12)


def test_changes_apart_are_both_made() -> None:
    old = "win xx5 &amp; call"
    assert merged(old, "win £5 &amp; call", "win xx5 & call") == "win £5 & call"


def test_of_changes_to_the_same_letters_the_first_stays() -> None:
    assert merged("one two", "one 2", "one three") == "one 2"


@given(texts, texts, texts)
def test_no_change_is_no_change(old: str, first: str, second: str) -> None:
    assert merged(old, first, old) == first
    assert merged(old, old, second) == second
    assert merged(old, first, first) == first
    assert merged(first + old, first + second, first + old) == first + second


def test_two_checks_that_change_one_text() -> None:
    old = "win xx5 &amp; call"
    edits = (
        SetText(split="train", row=0, old=old, new="win £5 &amp; call"),
        SetText(split="train", row=0, old=old, new="win xx5 & call"),
    )
    assert edit_dataset(dataset([old, "x"], ["a", "b"]), edits).train.texts[0] == "win £5 & call"
