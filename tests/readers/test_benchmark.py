"""Benchmarks from data files."""

import gzip
import json
from pathlib import Path

import pytest

from tunewell.core.errors import InputError
from tunewell.readers.benchmark import read_benchmark

QUESTION = "How many eggs do {} ducks lay in a week if each lays two a day?"


def test_takes_the_questions(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl.gz"
    rows = [
        {"question": QUESTION.format(n), "answer": f"Each day it is {2 * n}, so {14 * n} a week."}
        for n in range(30)
    ]
    with gzip.open(path, "wt") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    read = read_benchmark(path)
    assert read.name == "sums"
    assert list(read.texts)[:2] == [QUESTION.format(0), QUESTION.format(1)]
    assert (len(read), list(read.lines)[:2], read.path) == (30, [1, 2], path)


def test_takes_texts_without_labels(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("text\n" + "".join(f"where is card number {n}\n" for n in range(30)))
    assert list(read_benchmark(path).texts)[3] == "where is card number 3"


def test_takes_what_the_user_says(tmp_path: Path) -> None:
    path = tmp_path / "chat.jsonl"
    turns = [{"role": "user", "content": "Who was it?"}, {"role": "assistant", "content": "Ada."}]
    path.write_text(json.dumps({"messages": turns}) + "\n")
    assert list(read_benchmark(path).texts) == ["Who was it?"]


@pytest.mark.parametrize("file", ["test.jsonl", "test.csv.gz", "Dev.parquet"])
def test_name_of_the_folder(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tunewell.readers import benchmark

    monkeypatch.chdir(tmp_path)
    assert benchmark._name(Path("gsm8k") / file) == "gsm8k"
    assert benchmark._name(Path(file)) == Path(file).name.partition(".")[0]


def test_a_file_without_rows(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    with pytest.raises(InputError):
        read_benchmark(path)
