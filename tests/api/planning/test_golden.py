"""What a plan looks like in a terminal, against files that were looked at.

To accept a change: TUNEWELL_GOLDEN=write pytest tests/api/planning/test_golden.py, then read the
diff.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
from pathlib import Path

import pytest
from tests.api.planning.simulations import LORA, recorded

from tunewell.api.plan import Call, plan
from tunewell.core.document import Document
from tunewell.report.render import render
from tunewell.subjects.machine import Machine

FOLDER = Path(__file__).parents[2] / "golden" / "plan"
GIB = 1024**3
COUNTS = re.compile(r"^(?:No findings|\d+ findings?) ", re.MULTILINE)
LAPTOP = Machine(cores=2, memory_bytes=16 * GIB, disk_free_bytes=100 * GIB)


def planned(gpu: str | None, *, simulate: bool = True) -> Document:
    """The recorded step on a GPU, without rows: prices change, and they are looked at elsewhere."""
    return plan(
        Call(flags=dataclasses.replace(LORA, gpu=gpu)),
        machine=LAPTOP,
        simulate=recorded if simulate else None,
        today=dt.date(2026, 11, 27),
    ).document


DOCUMENTS = {
    "does-not-fit": ("L4", True),
    "fits": ("H100", True),
    "no-gpu": (None, True),
    "formula": ("L4", False),
}


@pytest.mark.parametrize("width", [80, 60])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_plan_is_as_it_was_looked_at(name: str, width: int) -> None:
    gpu, simulate = DOCUMENTS[name]
    whole = render(planned(gpu, simulate=simulate), width=width)
    # How many checks there are is no part of it.
    text = COUNTS.split(whole)[0]
    assert max(map(len, text.splitlines())) <= width
    path = FOLDER / f"{name}.{width}.txt"
    if os.environ.get("TUNEWELL_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_format_shows_a_plan(name: str) -> None:
    """A page with its pictures, Markdown with the same drawn in characters."""
    gpu, simulate = DOCUMENTS[name]
    found = planned(gpu, simulate=simulate)
    page = render(found, "html")
    assert page.count("<svg") >= (2 if simulate else 1)
    assert "could not be drawn" not in page
    assert "█ weights" in render(found, "markdown")
    assert Document.from_json(found.to_json()) == found
