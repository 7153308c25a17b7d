"""DAT030 text-in-unnamed-columns."""

import dataclasses
from pathlib import Path

from tunewell.checks.data.text_in_unnamed_columns import text_in_unnamed_columns
from tunewell.fixes.files import apply_fixes
from tunewell.readers.data import read_dataset
from tunewell.subjects.dataset import Dataset
from tunewell.testing import CheckCases, dataset, run_check


def with_extra(cells: list[str], name: str = "column_3", text: str = "text") -> Dataset:
    """Four rows with one more column behind the text."""
    made = dataset(["one", "two", "three", "four"], ["a", "b", "a", "b"])
    source = dataclasses.replace(
        made.train.source, columns=("label", text, name), text_column=text, delimiter=","
    )
    train = dataclasses.replace(made.train, source=source, extra={name: cells})
    return dataclasses.replace(made, train=train)


class TestTextInUnnamedColumns(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = text_in_unnamed_columns
    faulty = {
        "the rest of a text": (with_extra(["", " the rest", "", ""]),),
        "as pandas names it": (with_extra(["", " the rest", "", ""], "Unnamed: 2"),),
    }
    nearly = {
        "a column with a name": (with_extra(["", "x", "", ""], "remark"),),
        "a column that is full": (with_extra(["1", "2", "3", "4"]),),
        "a file without a header": (with_extra(["", "x", "", ""], "column_3", "column_2"),),
    }
    clean = {
        "an empty column": (with_extra(["", "", "", ""]),),
        "no such column": (dataset(["x", "y"], ["a", "b"]),),
    }


def test_the_original_text_comes_back(tmp_path: Path) -> None:
    train = tmp_path / "sms.csv"
    train.write_text(
        'v1,v2,,\nham,So it is,,\nspam,"Call now, it\'s free",,\nham,Well, then, so be it\n'
        "spam,x,,\n"
    )
    data = read_dataset(train)
    finding = run_check(text_in_unnamed_columns, (data,)).findings[0]
    applied = apply_fixes([finding], data, unsafe=True)
    assert read_dataset(applied.files[0]).train.texts[2] == "Well, then, so be it"
