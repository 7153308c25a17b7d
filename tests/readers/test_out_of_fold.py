"""Probabilities that the user's own models gave."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tunewell import check
from tunewell.core.errors import InputError
from tunewell.readers.data import read_dataset
from tunewell.readers.out_of_fold import read_out_of_fold
from tunewell.subjects.dataset import Dataset
from tunewell.testing import rows as chats

NAMES = ("card", "loan", "top_up")
COUNT = 300
random = np.random.default_rng(0)
GIVEN = random.integers(0, 3, COUNT)
CHANCES = np.full((COUNT, 3), 0.05)
CHANCES[np.arange(COUNT), GIVEN] = 0.9
WORDS = [
    "where",
    "when",
    "how",
    "my",
    "the",
    "a",
    "is",
    "not",
    "it",
    "can",
    "you",
    "please",
    "help",
]


def data(folder: Path, *, broken: bool = False) -> Path:
    path = folder / "train.csv"
    lines = ["text,label"]
    for row in range(COUNT):
        text = " ".join(random.choice(WORDS, 8)) + f" {row}"
        lines.append(f"{text},{NAMES[GIVEN[row]]}")
    if broken:
        lines.insert(4, "three,fields,here")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read_dataset(data(tmp_path))


def npy(path: Path, values: object) -> Path:
    with path.open("wb") as file:
        np.save(file, np.asarray(values), allow_pickle=True)
    return path


def table(path: Path, columns: dict[str, list[object]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
        return path
    records = [
        dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)
    ]
    with path.open("w", newline="") as file:
        if path.suffix == ".csv":
            writer = csv.DictWriter(file, list(columns))
            writer.writeheader()
            writer.writerows(records)
        else:
            file.writelines(json.dumps(record) + "\n" for record in records)
    return path


def named(prefix: str = "") -> dict[str, list[object]]:
    return {prefix + name: CHANCES[:, at].tolist() for at, name in enumerate(NAMES)}


def test_numpy_files(tmp_path: Path, dataset: Dataset) -> None:
    read = read_out_of_fold(npy(tmp_path / "p.npy", CHANCES), dataset)
    assert read.classes == NAMES
    assert read.rows.tolist() == list(range(COUNT))
    assert read.given.tolist() == GIVEN.tolist()
    np.testing.assert_allclose(read.probabilities, CHANCES)
    assert "p.npy" in read.source
    np.savez(tmp_path / "q.npz", probabilities=CHANCES[:, ::-1], classes=np.array(NAMES[::-1]))
    turned = read_out_of_fold(tmp_path / "q.npz", dataset)
    np.testing.assert_allclose(turned.probabilities, CHANCES)
    np.savez_compressed(tmp_path / "r.npz", probabilities=CHANCES.astype(np.float16))
    half = read_out_of_fold(tmp_path / "r.npz", dataset)
    np.testing.assert_allclose(half.probabilities, CHANCES, atol=1e-3)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("prefix", ["", "p_", "prob_"])
def test_tables(tmp_path: Path, dataset: Dataset, suffix: str, prefix: str) -> None:
    columns = dict(reversed(named(prefix).items()))
    read = read_out_of_fold(table(tmp_path / f"p.{suffix}", columns), dataset)
    np.testing.assert_allclose(read.probabilities, CHANCES)


def test_rows_by_number_in_any_order(tmp_path: Path, dataset: Dataset) -> None:
    order = [7, 3, 250]
    columns: dict[str, list[object]] = {"row": list(order)}
    columns |= {name: [cells[row] for row in order] for name, cells in named().items()}
    read = read_out_of_fold(table(tmp_path / "p.csv", columns), dataset)
    assert read.rows.tolist() == sorted(order)
    np.testing.assert_allclose(read.probabilities, CHANCES[sorted(order)])


def test_rows_that_cannot_be_read_may_be_counted_or_not(tmp_path: Path) -> None:
    dataset = read_dataset(data(tmp_path, broken=True))
    assert len(dataset.train.broken) == 1
    without = read_out_of_fold(npy(tmp_path / "p.npy", CHANCES), dataset)
    counted = np.insert(CHANCES, 3, [0.2, 0.3, 0.5], axis=0)
    beside = read_out_of_fold(npy(tmp_path / "q.npy", counted), dataset)
    np.testing.assert_allclose(without.probabilities, beside.probabilities)


LOGITS = np.log(CHANCES) + 2
Bad = Callable[[Path], Path]
BAD: dict[str, tuple[Bad, str]] = {
    "one axis": (lambda p: npy(p / "p.npy", CHANCES[:, 0]), r"has shape \(300\) where \(300 rows"),
    "turned": (lambda p: npy(p / "p.npy", CHANCES.T), "turn it round with .T"),
    "too few classes": (lambda p: npy(p / "p.npy", CHANCES[:, :2]), r"\(300, 2\) where .* 3 class"),
    "too few rows": (lambda p: npy(p / "p.npy", CHANCES[:-2]), "has 298 rows; the training data"),
    "logits": (lambda p: npy(p / "p.npy", LOGITS), "look like logits; pass their softmax"),
    "logits above 0": (lambda p: npy(p / "p.npy", LOGITS + 2), "of logits pass the softmax"),
    "logarithms": (lambda p: npy(p / "p.npy", np.log(CHANCES)), "look like logarithms"),
    "percent": (lambda p: npy(p / "p.npy", CHANCES * 100), "look like percent"),
    "sums": (lambda p: npy(p / "p.npy", CHANCES * 0.9), r"row 0 sums to 0\.9; .*300 of 300 rows"),
    "nan": (lambda p: npy(p / "p.npy", np.where(CHANCES > 0.5, np.nan, CHANCES)), "no number"),
    "decisions": (lambda p: npy(p / "p.npy", CHANCES.round()), "not the decisions"),
    "objects": (lambda p: npy(p / "p.npy", np.array([{}, []], dtype=object)), "Python objects"),
    "words": (lambda p: npy(p / "p.npy", np.array([["a"]])), "not probabilities"),
    "no NumPy": (lambda p: _bytes(p / "p.npy", b"hello there"), "no NumPy file"),
    "an empty NumPy file": (lambda p: _bytes(p / "p.npy", b""), "no NumPy file"),
    "a broken npz": (lambda p: _bytes(p / "p.npz", b"PK\x03\x04junk"), "no NumPy file"),
    "npz without it": (lambda p: _npz(p / "p.npz", a=CHANCES), "'probabilities'; it has: a"),
    "other names": (
        lambda p: _npz(p / "p.npz", probabilities=CHANCES, classes=np.array(["a", "card", "b"])),
        "do not match the training labels; missing: 'loan', 'top_up'",
    ),
    "a class missing": (
        lambda p: table(p / "p.csv", {n: c for n, c in named().items() if n != "loan"}),
        "no column for 'loan'",
    ),
    "a class too many": (
        lambda p: table(p / "p.csv", {**named(), "car": [0.0] * COUNT}),
        "'car' is no label",
    ),
    "a word": (
        lambda p: table(p / "p.csv", {**named(), "card": ["high"] * COUNT}),
        "column 'card' holds 'high' in row 0",
    ),
    "a row number beyond": (
        lambda p: table(p / "p.csv", {"row": list(range(1, COUNT + 1)), **named()}),
        "row number 300 is not there; the 300 training rows count from 0",
    ),
    "a row number twice": (lambda p: table(p / "p.csv", {"row": [1] * COUNT, **named()}), "twice"),
    "another suffix": (lambda p: _bytes(p / "p.pkl", b"x"), "holds no probabilities"),
    "not there": (lambda p: p / "p.npy", "no such file"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_gives_one_sentence(tmp_path: Path, dataset: Dataset, case: str) -> None:
    make, said = BAD[case]
    with pytest.raises(InputError, match=said) as caught:
        read_out_of_fold(make(tmp_path), dataset)
    assert "p." in str(caught.value)
    assert len(str(caught.value)) < 400


def test_other_kinds_of_data(tmp_path: Path) -> None:
    dataset = chats([{"prompt": f"a {i}", "completion": f"b {i}"} for i in range(9)])
    with pytest.raises(InputError, match="single-label"):
        read_out_of_fold(npy(tmp_path / "p.npy", CHANCES), dataset)


def test_the_check_of_labels_uses_them(tmp_path: Path) -> None:
    path = data(tmp_path)
    chances = CHANCES.copy()
    chances[:20] = np.roll(chances[:20], 1, axis=1)
    document = check(path, probabilities=npy(tmp_path / "p.npy", chances))
    found = next(f for f in document.findings if f.code == "DAT014")
    assert "p.npy" in str(found.evidence)
    assert any(thing.what == "probabilities" for thing in document.examined)


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _npz(path: Path, **arrays: NDArray[Any]) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path
