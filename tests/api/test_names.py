"""The public names stay what they are, also where a part of the package has the same name."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import tunewell
from importlib import import_module
first = tunewell.{name}
import_module("tunewell.{name}")
assert callable(first) and callable(tunewell.{name}), tunewell.{name}
assert tunewell.{name}.__name__.startswith("tunewell") or tunewell.{name} is first
import tunewell.{name} as part
assert part.__path__
try:
    tunewell.{name}("no such folder anywhere")
except tunewell.core.errors.UserError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("name", ["plan", "train", "tune", "adapt"])
def test_a_command_can_be_called_after_its_part_was_imported(name: str) -> None:
    """The import system binds `tunewell.plan`, the part, to the name of the function."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "refused: " in done.stdout
