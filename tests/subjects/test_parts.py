"""Texts in Arrow memory, and rows made of parts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tunewell.subjects.parts import Parts, Role, RowTexts, Texts

ROWS = st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4), max_size=12)


def made(rows: list[list[str]]) -> Parts:
    start = np.cumsum([0, *map(len, rows)])
    texts = Texts.of([text for row in rows for text in row])
    return Parts(texts, np.full(int(start[-1]), int(Role.PROMPT), dtype=np.int8), start)


@given(st.lists(st.text(max_size=8)))
def test_texts_read_like_a_list(values: list[str]) -> None:
    texts = Texts.of(values)
    kept = [value.encode("utf-8", "replace").decode() for value in values]
    assert list(texts) == kept
    assert len(texts) == len(kept)
    assert list(texts[1:4]) == kept[1:4]
    assert list(texts[::2]) == kept[::2]
    if kept:
        assert texts[-1] == kept[-1]


@given(ROWS, st.data())
def test_take_and_replace_agree_with_lists(rows: list[list[str]], data: st.DataObject) -> None:
    rows = [[text.encode("utf-8", "replace").decode() for text in row] for row in rows]
    parts = made(rows)
    wanted = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=6)) if rows else []
    taken = parts.take(wanted)
    assert [[text for _, text in taken.of_row(r)] for r in range(taken.rows)] == [
        rows[row] for row in wanted
    ]
    if len(parts.texts):
        changed = parts.replaced({0: "new"})
        assert changed.texts[0] == "new"
        assert list(changed.texts)[1:] == list(parts.texts)[1:]


@given(ROWS)
def test_a_row_is_its_parts_with_an_empty_line_between(rows: list[list[str]]) -> None:
    rows = [[text.encode("utf-8", "replace").decode() for text in row] for row in rows]
    whole = RowTexts(made(rows))
    expected = ["\n\n".join(text for text in row if text) for row in rows]
    assert list(whole) == expected
    assert [whole[at] for at in range(len(rows))] == expected
