"""DAT002 broken-rows."""

import dataclasses

from tunewell.checks.data.broken_rows import broken_rows
from tunewell.subjects.dataset import BrokenRow, Dataset
from tunewell.testing import CheckCases, dataset


def broken(line: int) -> Dataset:
    """Two good rows and a broken one."""
    good = dataset(["hi", "ho"], ["a", "b"])
    row = BrokenRow(line, "has 3 fields where the first row has 2")
    return dataclasses.replace(good, train=dataclasses.replace(good.train, broken=(row,)))


class TestBrokenRows(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = broken_rows
    faulty = {"a row with too many fields": (broken(4),)}
    nearly = {"a row with a line break": (dataset(["one\ntwo", "ho"], ["a", "b"]),)}
    clean = {"whole rows": (dataset(["hi", "ho"], ["a", "b"]),)}
