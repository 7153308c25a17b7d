"""Reading text logs."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.core.errors import InputError
from tunewell.readers.log_text import LAST_BYTES, read_log_text


def test_lines_of_a_log(tmp_path: Path) -> None:
    """Line ends of every kind end a line, and bad bytes are replaced."""
    path = tmp_path / "train.log"
    path.write_bytes(b"step 1\rstep 2\r\nloss \xff nan\nend")
    assert read_log_text(path).lines == (
        "step 1",
        "step 2",
        "loss \N{REPLACEMENT CHARACTER} nan",
        "end",
    )


def test_only_the_end_of_a_huge_log(tmp_path: Path) -> None:
    """The last 5 MB are read, from a whole line on."""
    path = tmp_path / "train.log"
    path.write_text("".join(f"line {number:07d}\n" for number in range(600_000)))
    lines = read_log_text(path).lines
    assert lines[-1] == "line 0599999"
    assert all(len(line) == len("line 0000000") for line in lines[:3])
    assert LAST_BYTES - 30 <= sum(len(line) + 1 for line in lines) <= LAST_BYTES


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Nothing but lines or one clear sentence comes out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.log"
        path.write_bytes(content)
        try:
            assert read_log_text(path).lines
        except InputError as error:
            assert "x.log" in str(error)  # noqa: PT017  either outcome is right


def test_what_is_no_log(tmp_path: Path) -> None:
    """Missing, empty, binary and a folder are refused in words."""
    (tmp_path / "empty.log").write_text(" \n")
    (tmp_path / "model.bin").write_bytes(b"\0\1\2")
    for name, problem in (
        ("none.log", "No such file"),
        ("empty.log", "empty"),
        ("model.bin", "not a text log"),
        ("", "folder"),
    ):
        with pytest.raises(InputError, match=problem):
            read_log_text(tmp_path / name)
