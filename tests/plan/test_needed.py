"""The three bands of a verdict, from a simulation and from the formula."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tunewell.plan import needed
from tunewell.plan.memory import Memory
from tunewell.plan.simulated import Simulated
from tunewell.plan.verdict import FAILS_UNDER, FITS_FROM

QWEN = msgspec.json.decode(
    (Path(__file__).parents[1] / "fixtures/simulated/qwen2.5-7b-lora.json").read_bytes(),
    type=Simulated,
)
CONTEXT = 300 * 1024**2
GIB = 1024**3


def test_a_simulated_step_fits_is_tight_or_does_not_fit() -> None:
    found = msgspec.structs.replace(QWEN, smallest_capacity=QWEN.peak_reserved - GIB)
    answer = needed.simulated(found, CONTEXT)
    process = found.peak_reserved + CONTEXT
    assert answer.process == process
    spare = round(found.peak_reserved * (FITS_FROM - 1))
    short = round(found.smallest_capacity * (1 - FAILS_UNDER))
    assert answer.verdict(process + spare + 1) == "fits"
    assert answer.verdict(process + spare - 1) == "tight"
    assert answer.verdict(process - GIB - short + 1) == "tight"
    assert answer.verdict(process - GIB - short - 1) == "does-not-fit"


def test_what_lies_within_the_range_is_not_sure() -> None:
    answer = needed.simulated(QWEN, CONTEXT)
    assert not answer.sure(answer.process)
    assert answer.sure(2 * answer.process)
    assert answer.sure(answer.process // 2)


def test_the_formula_is_tight_where_its_range_holds_what_there_is() -> None:
    memory = Memory(weights=8 * GIB, gradients=0, optimizer=0, activations=4 * GIB, logits=0)
    answer = needed.by_formula(memory)
    assert answer.method == "formula"
    assert answer.verdict(7 * GIB) == "does-not-fit"
    assert answer.verdict(12 * GIB) == "tight"
    assert answer.verdict(20 * GIB) == "fits"
    assert answer.low < answer.process < answer.high


def test_in_main_memory_no_segments_are_kept() -> None:
    answer = needed.in_main_memory(QWEN, 600)
    assert answer.process == answer.smallest == QWEN.peak_allocated + 600


@pytest.mark.parametrize("key", ["peak_allocated_bytes", "peak_reserved_bytes", "process_bytes"])
def test_facts_are_bytes(key: str) -> None:
    facts = needed.simulated(QWEN, CONTEXT).facts(24 * GIB, "L4")
    assert isinstance(facts[key], int)
    assert facts["verdict"] == "does-not-fit"
    assert set(facts["by_kind"]) == {
        "weights", "gradients", "optimizer", "activations", "logits", "other",
    }  # fmt: skip
    assert set(facts["by_phase"]) == {"load", "forward", "backward", "optimizer"}
    assert facts["method"] == "simulated"
    assert needed.simulated(QWEN, 0).facts(None, None)["verdict"] is None


RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def test_the_ranges_hold_nearly_all_that_was_measured() -> None:
    """Of both tables: what was allocated, and the process or what was reserved."""
    told = json.loads((RESULTS / "memory_peers.json").read_text())["Tesla T4"]["steps"]
    pairs = [
        (step["said"]["Tunewell's simulation"], step["measured"])
        for step in told
        if not step["stands_in"] and "allocated" in step["measured"]
    ]
    rows = json.loads((RESULTS / "gpu_memory" / "h200.predicted.json").read_text())["rows"]
    allocated = [said["tensors"] / was["allocated"] - 1 for said, was in pairs]
    allocated += [row["predicted_allocated"] / row["measured_allocated"] - 1 for row in rows]
    process = [said["total"] / was["process"] - 1 for said, was in pairs]
    process += [row["predicted_reserved"] / row["measured_reserved"] - 1 for row in rows]
    assert len(allocated) == len(process) >= 155
    for errors, limit in (
        (allocated, needed.ALLOCATED_ERROR),
        (process, needed.PROCESS_ERROR),
    ):
        assert sum(abs(error) > limit for error in errors) <= len(errors) / 50
