"""What a finished run teaches the next plan."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tunewell.core.errors import UserError
from tunewell.facts.prediction import compared, measured, summary
from tunewell.plan import corrections
from tunewell.plan.corrections import Correction, Factors
from tunewell.subjects.prediction import Prediction
from tunewell.subjects.trace import Intervention, Trace
from tunewell.testing import trace

GIB = 1024**3
PLAN = Prediction(
    allocated_bytes=int(11.2 * GIB),
    reserved_bytes=12 * GIB,
    gpu="NVIDIA L4",
    architecture="llama",
    step="a",
    step_seconds=0.5,
)


def watched(**changed: Any) -> Trace:  # noqa: ANN401  a trace has fields of every type
    """Thirty steps on a GPU, the first of which were slow."""
    seconds = [9.0, 2.0, 1.0] + [0.6] * 27
    told = trace(
        step_seconds=seconds,
        cuda_peak_bytes={10: 11.0 * GIB, 20: 11.3 * GIB, 30: 11.3 * GIB},
        cuda_reserved_bytes={10: 11.5 * GIB, 20: 12.5 * GIB, 30: 11.9 * GIB},
        cuda_peak_reserved_bytes={10: 12.0 * GIB, 20: 12.6 * GIB, 30: 12.6 * GIB},
    )
    return dataclasses.replace(told, **{"prediction": PLAN, **changed})


def line(step: str, ratio: float | None, **changed: Any) -> Correction:  # noqa: ANN401
    """A run that took so many times what was predicted."""
    return Correction(
        **{
            "gpu": "NVIDIA L4",
            "architecture": "llama",
            "step": step,
            "predicted_allocated": 1000,
            "measured_allocated": None if ratio is None else int(1000 * ratio),
            "predicted_reserved": 1000,
            **changed,
        }
    )


def factors(*known: Correction) -> Factors:
    """What they teach about a llama on an L4."""
    return corrections.factors(known, gpu="NVIDIA L4", architecture="llama")


def test_measured_and_compared() -> None:
    """Peaks are the highest that was logged, the time leaves the first steps out."""
    seen = measured(watched())
    assert (seen.allocated_bytes, seen.reserved_bytes) == (int(11.3 * GIB), int(12.6 * GIB))
    assert seen.step_seconds == pytest.approx(0.6)
    assert [each.name for each in compared(watched())] == [
        "peak of allocated memory",
        "peak of reserved memory",
        "time of a step",
    ]
    assert compared(watched())[0].text == "predicted 11.2 GiB, measured 11.3 GiB (+0.9 %)"
    assert summary(watched()).endswith("measured 0.6 s (+20.0 %); over 30 steps")
    assert summary(watched(prediction=None)) == ""


def test_a_stall_is_no_step() -> None:
    """One step that another program fell into does not make the mean."""
    seconds = [0.6] * 40
    seconds[20] = 300.0
    assert measured(trace(step_seconds=seconds)).step_seconds == pytest.approx(0.6)
    assert measured(trace(step_seconds=[0.6] * 12)).step_seconds is None


def test_what_a_run_teaches() -> None:
    """Both sides of it, and only of a run that is whole."""
    learned = corrections.of_run(watched(), when="2026-11-27")
    assert learned is not None
    assert learned.measured_allocated == int(11.3 * GIB)
    assert learned.measured_seconds == pytest.approx(0.6)
    assert corrections.of_run(watched(prediction=None)) is None
    assert corrections.of_run(watched(finished=False)) is None
    smaller = Intervention(4, "smaller-batch", "4 rows in place of 8")
    assert corrections.of_run(watched(interventions=(smaller,))) is None
    short = dataclasses.replace(trace(cuda_peak_bytes=[GIB] * 5), prediction=PLAN)
    assert corrections.of_run(short) is None
    assert corrections.of_run(dataclasses.replace(trace(loss=[1.0] * 40), prediction=PLAN)) is None


def test_lines_are_appended_and_read(tmp_path: Path) -> None:
    """Also after half a line that a killed process left."""
    path = tmp_path / "runs" / corrections.NAME
    assert corrections.read(path) == ()
    corrections.append(path, line("a", 1.1))
    with path.open("ab") as file:
        file.write(b'{"gpu": "NVIDIA')
    corrections.append(path, line("b", 1.2))
    assert [each.step for each in corrections.read(path)] == ["a", "b"]
    with pytest.raises(UserError, match="cannot be written"):
        corrections.append(path / "below-a-file", line("c", 1.0))


def test_factors_are_medians_over_steps() -> None:
    """A step that ran often counts once, with its newest run."""
    found = factors(line("a", 1.5), line("b", 1.1), line("c", 1.2), line("a", 1.0)).allocated
    assert found is not None
    assert (found.value, found.low, found.high, found.runs) == (1.1, 1.0, 1.2, 3)
    assert factors(line("a", 1.1)).text == (
        "corrected by what runs on this GPU with this architecture measured: "
        "allocated memory x 1.100 (1 run)"
    )


def test_only_the_like_corrects() -> None:
    """Another GPU, another architecture, another run altogether, and one without figures."""
    assert factors() == Factors()
    assert Factors().text == ""
    assert factors(line("a", 1.1, gpu="NVIDIA T4")).allocated is None
    assert factors(line("a", 1.1, architecture="bert")).allocated is None
    assert factors(line("a", 3.0)).allocated is None
    assert factors(line("a", None)).allocated is None
    timed = line("a", 1.0, predicted_seconds=0.5, measured_seconds=0.6)
    assert factors(timed).seconds is not None


def test_old_steps_are_forgotten() -> None:
    """The newest runs count, and a repeated step is new again."""
    old = [line(f"old-{n}", 1.5) for n in range(30)]
    new = [line(f"new-{n}", 1.0) for n in range(corrections.NEWEST - 1)]
    found = factors(*old, *new, line("old-0", 1.1)).allocated
    assert found is not None
    assert (found.runs, found.high) == (corrections.NEWEST, 1.1)


def test_marks() -> None:
    """Equal descriptions have equal marks, whatever their order."""
    assert corrections.mark_of({"a": 1, "b": 2}) == corrections.mark_of({"b": 2, "a": 1})
    assert corrections.mark_of({"a": 1}) != corrections.mark_of({"a": 2})
    assert corrections.mark_of({1: "a"}) == corrections.mark_of({"1": "a"})


def test_a_prediction_is_kept(tmp_path: Path) -> None:
    """Written whole and read back; anything else is refused in a sentence."""
    path = tmp_path / "prediction.json"
    corrections.write_prediction(path, PLAN)
    assert corrections.read_prediction(path) == PLAN
    path.write_text('{"gpu": 1}')
    with pytest.raises(UserError, match="holds no prediction"):
        corrections.read_prediction(path)
    with pytest.raises(UserError, match="cannot be read"):
        corrections.read_prediction(tmp_path / "none.json")


def test_a_run_on_another_gpu_is_not_held_against_the_plan() -> None:
    """Nor is one on the processor, which measured no memory of a GPU."""
    assert corrections.of_run(watched(gpu_name="NVIDIA L4")) is not None
    assert corrections.of_run(watched(gpu_name="L4")) is not None
    assert corrections.of_run(watched(gpu_name="Tesla T4")) is None
    assert compared(watched(gpu_name="Tesla T4")) == ()
    alone = dataclasses.replace(trace(step_seconds=[0.5] * 40), prediction=PLAN, finished=True)
    assert compared(alone) == ()
    assert corrections.of_run(alone) is None
