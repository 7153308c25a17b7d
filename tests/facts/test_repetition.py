"""How much of a text is new."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.repetition import distinct_share


def test_a_loop_a_text_and_a_short_one() -> None:
    assert distinct_share("again " * 40) == pytest.approx(1 / 37)
    assert distinct_share(" ".join(map(str, range(40)))) == 1.0
    assert distinct_share("a short one") is None


def test_a_sentence_over_and_over() -> None:
    share = distinct_share("the cat sat on the mat . " * 10)
    assert share is not None
    assert share < 0.15


def test_text_without_spaces_is_taken_by_characters() -> None:
    share = distinct_share("我喜欢吃苹果" * 20)
    assert share is not None
    assert share < 0.1
    other = distinct_share("".join(chr(0x4E00 + at) for at in range(60)))
    assert other == 1.0


@given(st.text(max_size=300))
def test_it_is_a_share(text: str) -> None:
    share = distinct_share(text)
    assert share is None or 0 < share <= 1
