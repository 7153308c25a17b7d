"""JSON lists with broken rows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.errors import InputError
from tunewell.readers.data.json_recover import recover_rows
from tunewell.readers.data.json_whole import read_json

ROWS = [
    {"messages": [{"role": "user", "content": f"hi {n}"}, {"role": "assistant", "content": "ho"}]}
    for n in range(6)
]


@pytest.mark.parametrize("indent", [None, 2])
@given(row=st.integers(0, 5), cut=st.data())
def test_one_broken_row_costs_that_row_alone(
    indent: int | None, row: int, cut: st.DataObject
) -> None:
    pieces = [json.dumps(record, indent=indent) for record in ROWS]
    # Without one of its quotes, brackets or colons no row is valid.
    marks = [at for at, mark in enumerate(pieces[row]) if mark in '"{}[]:']
    at = cut.draw(st.sampled_from(marks))
    pieces[row] = pieces[row][:at] + pieces[row][at + 1 :]
    text = "[\n" + ",\n".join(pieces) + "\n]"
    table = recover_rows(text, "utf-8")
    assert table is not None
    first = json.dumps(table.columns["messages"])
    lost = {f"hi {n}" for n in range(6) if f"hi {n}" not in first}
    # A lost quote or bracket can swallow the row after it; never more than that.
    assert lost <= {f"hi {row}", f"hi {row + 1}"}
    assert table.broken or not lost


def test_the_line_is_told() -> None:
    rows = (
        '{"text": "a", "label": "x"}',
        '{"text": "b, "label": "y"}',
        '{"text": "c", "label": "x"}',
    )
    text = "[\n" + ",\n".join(rows) + "\n]"
    table = read_json(text, "utf-8", split="train", place="train.json")
    assert table.columns["text"] == ["a", "c"]
    assert [row.line for row in table.broken] == [3]


def test_a_list_that_is_cut_short_keeps_its_rows() -> None:
    text = json.dumps(ROWS)[:-30]
    table = recover_rows(text, "utf-8")
    assert table is not None
    assert len(table.lines) == 5
    assert len(table.broken) == 1


def test_what_is_no_list_stays_an_error() -> None:
    with pytest.raises(InputError, match="not valid JSON"):
        read_json('{"data": [', "utf-8", split="train", place="train.json")
