"""Read a benchmark: any data file, of which the questions are taken."""

from __future__ import annotations

from pathlib import Path

from tunewell.facts.parts import questions
from tunewell.readers.data import read_split
from tunewell.subjects.benchmark import Benchmark

SUFFIXES = frozenset({".gz", ".csv", ".tsv", ".json", ".jsonl", ".parquet", ".txt"})

PARTS = frozenset({"test", "validation", "valid", "dev", "eval", "data"})
"""File names that only say which part of a benchmark it is; its folder then has the name."""


def read_benchmark(path: Path) -> Benchmark:
    """The questions of a benchmark; its name is that of the file or its folder.

    The columns are worked out as for training data: of a question with an answer the question is
    taken, of a chat what the user says, else the text.

    Raises:
        InputError: if no row can be read from it.
    """
    split = read_split(path, name="test", label_required=False)
    return Benchmark(_name(path), questions(split), split.lines, path)


def _name(path: Path) -> str:
    while path.suffix.lower() in SUFFIXES:
        path = path.with_suffix("")
    return path.parent.name or path.name if path.name.lower() in PARTS else path.name
