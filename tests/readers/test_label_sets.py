"""Predictions with several labels a row."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.errors import InputError
from tunewell.readers.label_sets import read_label_sets

NAMES = st.frozensets(st.sampled_from(["a", "b", "c d", "é", 'say "x"']), max_size=4)


def write(folder: Path, text: str, name: str = "predictions.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=12))
def test_what_was_written_is_read(rows: list[tuple[frozenset[str], frozenset[str]]]) -> None:
    """As lists in JSON Lines, whatever the labels are called."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps({"labels": sorted(g), "prediction": sorted(p)}) for g, p in rows]
        path = write(Path(folder), "\n".join(lines), "predictions.jsonl")
        read = read_label_sets(path)
    assert read is not None
    names = np.array(read.label_names, dtype=object)
    for row, (labels, made) in enumerate(rows):
        assert set(names[read.given[row]]) == labels
        assert set(names[read.predicted[row]]) == made


def test_lists_in_csv_and_scores(tmp_path: Path) -> None:
    """As JSON and as Python writes them; a score of a half is a prediction."""
    text = 'label,p_a,p_b\n"[""a"", ""b""]",0.9,0.5\n"[\'b\']",0.1,0.4\n[],0.0,0.0\n'
    read = read_label_sets(write(tmp_path, text))
    assert read is not None
    assert read.label_names == ("a", "b")
    assert read.given.tolist() == [[True, True], [False, True], [False, False]]
    assert read.predicted.tolist() == [[True, True], [False, False], [False, False]]
    assert read.scores is not None
    assert np.allclose(read.scores[0], [0.9, 0.5])


def test_one_label_a_row_is_another_kind(tmp_path: Path) -> None:
    """It is left to the reader of those."""
    assert read_label_sets(write(tmp_path, "label,prediction\na,b\n")) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('label,note\n"[""a""]",x\n', "nothing beside it is named like a prediction"),
        ('label,p_a\n"[""a"", ""b""]",0.4\n', "none for b"),
        ('label,prediction\n"[""a""]",b\n', "2: 'prediction' holds lists of labels in other rows"),
        ('label,p_a\n"[""a""]",much\n', "a score is not a number"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    """With the place and what to do."""
    with pytest.raises(InputError, match=r".*") as raised:
        read_label_sets(write(tmp_path, text))
    assert words in str(raised.value)
