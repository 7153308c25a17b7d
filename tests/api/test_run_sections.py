"""What a report shows of a run beside its curves."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tests.facts.test_throughput import watched
from tests.plan.test_corrections import PLAN
from tests.plan.test_corrections import watched as planned_run

import tunewell
from tunewell.api.run_sections import of_run, planned, speed
from tunewell.core.finding import Table


def rows(evidence: object) -> dict[object, tuple[object, ...]]:
    """The rows of a table by what they are of."""
    assert isinstance(evidence, Table)
    return {row[0]: tuple(row[1:]) for row in evidence.rows}


def test_measured_against_predicted() -> None:
    """The sentence and the table; nothing without a plan."""
    (section,) = planned(planned_run())
    assert "predicted 11.2 GiB, measured 11.3 GiB (+0.9 %)" in section.text
    told = rows(section.evidence[0])
    assert told["peak of reserved memory"] == (12.0, 12.6, "GiB", 5.0)
    assert told["time of a step"] == (0.5, 0.6, "s", 20.0)
    assert planned(planned_run(prediction=None)) == []


def test_speed_is_told_with_its_definition() -> None:
    """On a GPU alone, and with what is known of it."""
    (section,) = speed(watched())
    assert "6 operations for each trained parameter and token" in section.text
    told = rows(section.evidence[0])
    assert told["tokens a second, padding included"] == (2000.0, "")
    assert told["of the GPU's peak (MFU)"] == (3.846, "%")
    unknown = rows(speed(watched(gpu_name="Quadro RTX 9999"))[0].evidence[0])
    assert "of the GPU's peak (MFU)" not in unknown
    assert speed(watched(gpu_name=None)) == []
    assert [each.id for each in of_run(watched())] == ["curves", "speed"]


def test_diagnose_shows_them(tmp_path: Path) -> None:
    """From a run folder, as the watcher writes it."""
    steps = list(range(1, 31))
    written: list[dict[str, Any]] = [
        {
            "event": "start", "time": 0, "step": 0, "max_steps": 30, "parameters": 1000,
            "trainable": 1000, "prediction": dataclasses.asdict(PLAN),
            "gpu": {"name": "NVIDIA L4", "bytes": 24 * 2**30},
        },
        {
            "event": "steps", "time": 1, "step": steps, "step_seconds": [0.6] * 30,
            "input_tokens": [100.0] * 30, "step_loss": [2.0 - 0.01 * s for s in steps],
        },
        {"event": "log", "time": 2, "step": 30, "values": {"loss": 1.7, "cuda_peak_bytes": 11.3e9}},
        {"event": "end", "time": 3, "reason": "finished", "step": 30},
    ]  # fmt: skip
    text = "\n".join(json.dumps(event) for event in written)
    (tmp_path / "events.jsonl").write_text(text + "\n")
    document = tunewell.diagnose(tmp_path)
    shown = {section.id: section for section in document.sections}
    assert "over 30 steps" in shown["planned"].text
    assert "speed" in shown
