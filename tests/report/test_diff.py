"""Edits as the lines of a diff."""

from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.finding import SetText
from tunewell.report.diff import CONTEXT, TEXT_SHOWN, around_change, diff

LONG = st.text(st.characters(min_codepoint=97, max_codepoint=100), max_size=400)


@given(LONG, LONG)
def test_a_change_is_shown_in_few_characters(old: str, new: str) -> None:
    before, after = around_change(old, new)
    for shown, whole in ((before, old), (after, new)):
        assert len(shown) <= TEXT_SHOWN + 2 * CONTEXT + 3
        assert all(piece in whole for piece in shown.split("…"))
    assert (before == after) == (old == new)


def test_what_differs_is_what_is_shown() -> None:
    before, after = "a" * 300, "b" * 300
    assert around_change(f"{before} wrong {after}", f"{before} right {after}") == (
        f"…{'a' * 29} wrong {'b' * 29}…",
        f"…{'a' * 29} right {'b' * 29}…",
    )


def test_many_texts_are_counted() -> None:
    edits = [SetText(split="train", row=row, old="a", new="b") for row in range(10)]
    lines = diff(edits)
    assert lines[-1].text == "and 7 more texts"
    assert len(lines) == 10
