"""Logs of trackers, written by the trackers: every point, every setting, nothing invented."""

import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest

from tests.readers.logs.tracker_fixtures import (
    CASES,
    FIXTURES,
    FORMATS,
    expected,
    truth,
    unpacked,
)
from tunewell.readers.logs import find_runs

EXTRA = {
    "lightning": {"epoch", "hp_metric"},
    "keras": {"epoch_learning_rate", "eval_epoch_mae", "validation/epoch_mae", "learning_rate"}
    | {"validation/evaluation_loss_vs_iterations", "eval_evaluation_loss_vs_iterations"}
    | {"eval_evaluation_mae_vs_iterations"},
    "tensors": {"hp_metric"},
}
"""What tools log beside what they were handed."""


@pytest.mark.parametrize(("format_", "case"), CASES)
def test_every_point(format_: str, case: str, tmp_path: Path) -> None:
    """All points of all runs with their steps, NaN and infinity as they are, and no others."""
    found = {run.name: run for run in find_runs(unpacked(format_, case, tmp_path))}
    runs = list(expected(truth(format_, case)))
    named = {
        run: run if run in found else next(name for name in found if name.startswith(f"{run}/"))
        for run, _, _ in runs
    }
    assert sorted(named.values()) == sorted(found)
    for run, points, closing in runs:
        trace, _ = found[named[run]].read()
        extra = trace.columns.keys() - points.keys()
        assert extra <= EXTRA.get(case, set()), extra
        for name, known in points.items():
            column = trace.column(name)
            assert column.steps.tolist() == sorted(known), name
            values = np.array([known[step] for step in sorted(known)], dtype=np.float64)
            if format_ == "tensorboard" and name != "double":
                values = values.astype(np.float32).astype(np.float64)
            np.testing.assert_array_equal(column.values, values, err_msg=name)
            assert column.times is not None
            assert (np.diff(column.times) >= 0).all()
        for name, value in closing.items():
            if format_ != "trackio":  # the integration does not hand them over
                assert trace.summary[name] == pytest.approx(value, rel=1e-6)


def test_there_are_cases_of_every_format() -> None:
    """A lost folder of fixtures would make the test above pass."""
    assert {format_ for format_, _ in CASES} == set(FORMATS)
    assert len(CASES) >= 20


def test_the_fixtures_name_no_machine(tmp_path: Path) -> None:
    """No path, host or user of the machine that made them."""
    size = 0
    told = re.compile(rb"/(tmp|home|Users|root|usr|opt|private)/[A-Za-z0-9]")
    hosts = {b"localhost"} | {os.fsencode(n) for n in [socket.gethostname()] if len(n) > 4}
    for format_, case in CASES:
        size += sum(f.stat().st_size for f in (FIXTURES / format_ / case).rglob("*") if f.is_file())
        for file in unpacked(format_, case, tmp_path / format_).rglob("*"):
            if file.is_file():
                data = file.read_bytes() + os.fsencode(file.name)
                assert not told.search(data), (file, told.search(data))
                assert not [host for host in hosts if host in data], file
    assert size < 1_500_000
