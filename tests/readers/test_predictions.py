"""Predictions: every format, guessed columns, a round trip and every bad file in words."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.errors import InputError
from tunewell.readers.predictions import read_predictions, write_predictions
from tunewell.subjects.evaluation import Evaluation

ROWS = [
    {"utterance": "hello, you", "intent": "greet", "pred": "greet"},
    {"utterance": "bye\nnow", "intent": "leave", "pred": "greet"},
    {"utterance": "see you", "intent": "leave", "pred": "leave"},
]


def write(path: Path, kind: str) -> Path:
    """The three rows in a format."""
    path = path / f"rows.{kind}"
    if kind == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in ROWS))
    elif kind == "json":
        path.write_text(json.dumps({"rows": ROWS}))
    elif kind == "parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(ROWS), path)
    else:
        mark = {"csv": ",", "tsv": "\t"}[kind]
        lines = [mark.join(ROWS[0])]
        lines += [mark.join(f'"{value}"' for value in row.values()) for row in ROWS]
        path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_format_gives_the_same(tmp_path: Path, kind: str) -> None:
    """Columns are guessed by name; texts, labels and predictions arrive in order."""
    read = read_predictions(write(tmp_path, kind))
    assert read.label_names == ("greet", "leave")
    assert read.given.tolist() == [0, 1, 1]
    assert read.predicted.tolist() == [0, 0, 1]
    assert read.texts == tuple(row["utterance"] for row in ROWS)
    assert read.lines is not None
    assert list(read.lines) == ([2, 3, 5] if kind in {"csv", "tsv"} else [1, 2, 3])


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=30)


@given(st.lists(st.tuples(TEXT, st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=20))
def test_a_round_trip_keeps_everything(rows: list[tuple[str, int, int]]) -> None:
    """What is written is read back, probabilities included."""
    names = ("card, lost", "top-up", "ünknown")
    shares = np.random.default_rng(len(rows)).dirichlet((1, 1, 1), len(rows)).astype(np.float32)
    before = Evaluation(
        "eval",
        names,
        np.array([row[1] for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.int64),
        probabilities=shares,
        texts=tuple(row[0] for row in rows),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions-eval.csv"
        write_predictions(before, path)
        after = read_predictions(path)
    assert after.label_names == names
    assert np.array_equal(after.given, before.given)
    assert np.array_equal(after.predicted, before.predicted)
    assert after.texts == before.texts
    assert after.probabilities is not None
    assert np.allclose(after.probabilities, shares, atol=1e-5)


def test_probabilities_alone_predict(tmp_path: Path) -> None:
    """Without a prediction column the largest probability predicts."""
    path = tmp_path / "p.csv"
    path.write_text("label,p_a,p_b\na,0.9,0.1\na,0.2,0.8\n")
    assert read_predictions(path).predicted.tolist() == [0, 1]


def test_whole_numbers_are_one_label_however_written(tmp_path: Path) -> None:
    """1, 1.0 and "1" are the same label, and labels sort by number."""
    path = tmp_path / "p.jsonl"
    path.write_text('{"y_true": 10, "y_pred": "10"}\n{"y_true": 2.0, "y_pred": 10}\n')
    read = read_predictions(path)
    assert read.label_names == ("2", "10")
    assert read.predicted.tolist() == [1, 1]


def test_named_columns_win(tmp_path: Path) -> None:
    """A named column is taken although another looks right."""
    path = tmp_path / "p.csv"
    path.write_text("label,gold,prediction\nx,a,a\nx,b,a\n")
    assert read_predictions(path, label="gold").label_names == ("a", "b")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.csv", None, "No such file"),
        ("a.csv", "", "holds no rows"),
        ("a.csv", "label,prediction\n", "holds no rows"),
        ("a.csv", "text,prediction\nx,a\n", "named like a given label .* --label NAME"),
        ("a.csv", "label,text\nx,a\n", "named like a prediction .* --prediction NAME"),
        ("a.csv", "label,prediction\na,a\n,a\n", r"a\.csv:3: 1 of 2 rows have no value in 'label'"),
        ("a.csv", "label,prediction\na,a\nNaN,a\n", "no value in 'label'"),
        ("a.csv", "label,prediction\na,a,b\n", "3 fields where the header names 2"),
        ("a.csv", "label,prediction\ncat,0\ndog,1\n", "same label names"),
        ("a.csv", b"label,prediction\n\xff\xfe,a\n", "not UTF-8"),
        ("a.csv", "label,p_a,p_b\na,much,0.1\n", "not a number"),
        ("a.jsonl", '{"label": 1', "a.jsonl:1: not valid JSON"),
        ("a.jsonl", "[1, 2]", "must be an object"),
        ("a.json", "3", "no list of rows"),
        ("a.json", "{", "not valid JSON"),
        ("a.parquet", "PAR1", "not a Parquet file"),
        ("a.xlsx", "x", r"read from \.csv"),
    ],
)
def test_bad_files_are_refused_in_words(
    tmp_path: Path, name: str, content: str | bytes | None, problem: str
) -> None:
    """One sentence that names the file and the place."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=problem) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)


def test_an_unknown_column_and_a_folder_are_refused(tmp_path: Path) -> None:
    """The columns that are there are listed."""
    path = tmp_path / "a.csv"
    path.write_text("label,prediction\na,a\n")
    with pytest.raises(InputError, match="no column 'gold'; the columns are 'label', 'prediction'"):
        read_predictions(path, label="gold")
    with pytest.raises(InputError, match="folder"):
        read_predictions(tmp_path)
