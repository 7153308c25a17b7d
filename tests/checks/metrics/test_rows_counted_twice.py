"""MET039 rows-counted-twice."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.checks.evaluations import evaluation

from tunewell.checks.metrics.rows_counted_twice import rows_counted_twice
from tunewell.subjects.evaluation import Evaluation
from tunewell.testing import CheckCases, dataset, run_check

TEXTS = [f"text {number}" for number in range(20)]
LABELS = [f"class {number % 3}" for number in range(20)]
DATA = dataset(["a", "b"], ["class 0", "class 1"], evaluation=(TEXTS, LABELS))


def predicted(rows: list[int], texts: list[str] | None = None) -> Evaluation:
    """Predictions of these rows, every fifth of them wrong."""
    given = np.array([row % 3 for row in rows])
    made = np.array([(row + (row % 5 == 0)) % 3 for row in rows])
    known = texts or TEXTS
    return evaluation(given, made, 3, texts=[known[row] for row in rows])


ONCE = list(range(20))
SAME = ["yes" if number % 2 else "no" for number in range(20)]


class TestRowsCountedTwice(CheckCases):
    """Twenty rows."""

    check = rows_counted_twice
    faulty = {
        "filled up, with the data": (predicted([*ONCE, 0, 1, 2, 3]), DATA),
        "in any order": (predicted([*ONCE[::-1], 7]), DATA),
        "filled up, without the data": (predicted([*ONCE, 0, 1, 2, 3]),),
    }
    nearly = {
        "a text that stands twice": (predicted([*ONCE, 3]),),
        "texts of few kinds": (predicted(ONCE, SAME),),
        "other rows": (
            predicted([*ONCE, 0]),
            dataset(["a"], ["class 0"], evaluation=(["z"], ["class 0"])),
        ),
        "without texts": (
            dataclasses.replace(predicted([*ONCE, 0, 1, 2]), texts=None),
            DATA,
        ),
        "twice in the data too": (
            predicted([*ONCE, 3]),
            dataset(["a"], ["class 0"], evaluation=([*TEXTS, TEXTS[3]], [*LABELS, LABELS[3]])),
        ),
    }
    clean = {"each once": (predicted(ONCE), DATA)}


def shards(processes: int, batch: int, *, even: bool) -> list[int]:
    """The rows that so many processes are given, in the order in which they are gathered."""
    from accelerate.data_loader import BatchSamplerShard
    from torch.utils.data import BatchSampler, SequentialSampler

    sampler: Any = BatchSampler(SequentialSampler(range(20)), batch, drop_last=False)
    parts: list[Iterator[list[int]]] = [
        iter(BatchSamplerShard(sampler, processes, number, even_batches=even))
        for number in range(processes)
    ]
    gathered: list[int] = []
    for _ in range(math.ceil(20 / (processes * batch))):
        gathered += [row for part in parts for row in next(part, [])]
    return gathered


@pytest.mark.reproduces("E17")
@pytest.mark.parametrize(("processes", "batch"), [(3, 4), (8, 2), (4, 4)])
def test_what_accelerate_hands_out(processes: int, batch: int) -> None:
    """Its own sampler fills the last batches with the first rows."""
    rows = shards(processes, batch, even=True)
    assert len(rows) > 20
    for subjects in ((predicted(rows), DATA), (predicted(rows),)):
        (found,) = run_check(rows_counted_twice, subjects).findings
        assert found.message.startswith(f"{len(rows) - 20} rows of the {len(rows)} predictions")
    assert not run_check(
        rows_counted_twice, (predicted(shards(processes, batch, even=False)), DATA)
    ).findings
