"""What earlier runs taught about predictions: kept line by line, read by the next plan.

The file is append-only JSON Lines, one measured run a line. It lies beside the runs that it is of,
and holds no name of a data set or a folder. Only runs on the same kind of GPU with a model of the
same architecture correct a prediction.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tunewell.core.atomic import write_whole
from tunewell.core.errors import UserError
from tunewell.core.finding import Record
from tunewell.facts.prediction import LEAST_STEPS, measured, same_gpu, same_step
from tunewell.subjects.prediction import Prediction
from tunewell.subjects.trace import Trace

NAME = "corrections.jsonl"
"""Beside the file of the prediction, in the folder of the runs."""

TRUSTED = (0.5, 2.0)
"""A run further off than this computed something else than was planned, and teaches nothing."""

NEWEST = 20
"""Steps that are remembered: older ones were of older libraries and drivers."""


class Correction(Record, frozen=True):
    """One run: what was predicted of it (uncorrected) and what it measured. Bytes and seconds."""

    gpu: str
    architecture: str
    step: str
    predicted_allocated: int
    predicted_reserved: int
    measured_allocated: int | None = None
    measured_reserved: int | None = None
    predicted_seconds: float | None = None
    measured_seconds: float | None = None
    steps: int = 0
    when: str = ""


class Factor(Record, frozen=True):
    """What a prediction is multiplied by, the median over runs, and how far they lie apart."""

    value: float
    low: float
    high: float
    runs: int


class Factors(Record, frozen=True):
    """Factors of one GPU and one architecture; None where no run measured the quantity."""

    allocated: Factor | None = None
    reserved: Factor | None = None
    seconds: Factor | None = None

    @property
    def text(self) -> str:
        """One sentence for a report, empty where there is nothing to correct by."""
        told = [
            f"{name} x {factor.value:.3f} ({factor.runs} {'run' if factor.runs == 1 else 'runs'})"
            for name, factor in (
                ("allocated memory", self.allocated),
                ("reserved memory", self.reserved),
                ("time", self.seconds),
            )
            if factor is not None
        ]
        if not told:
            return ""
        return "corrected by what runs on this GPU with this architecture measured: " + ", ".join(
            told
        )


def mark_of(described: Any) -> str:  # noqa: ANN401  anything that msgspec encodes
    """A mark of everything that a step is described by: equal descriptions have equal marks."""
    # A configuration in memory has numbers for keys, such as those of its labels.
    whole = msgspec.json.encode(
        msgspec.to_builtins(described, str_keys=True), order="deterministic"
    )
    return hashlib.blake2b(whole, digest_size=8).hexdigest()


def write_prediction(path: Path, prediction: Prediction) -> None:
    """Write a prediction that a run is to be held against.

    Raises:
        UserError: if the file cannot be written.
    """
    write_whole(path, msgspec.json.format(msgspec.json.encode(prediction)) + b"\n")


def read_prediction(path: Path) -> Prediction:
    """The prediction in a file.

    Raises:
        UserError: if it cannot be read or is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Prediction)
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{path}: holds no prediction of a plan: {error}"
    raise UserError(message)


def of_run(trace: Trace, *, when: str = "") -> Correction | None:
    """What a run teaches; None where it has no prediction, measured nothing or was not finished.

    A run that was stopped early may not have met its longest batch yet, and one whose batches a
    guard made smaller computed another step than the plan described, and one on another GPU another
    plan's.
    """
    plan, seen = trace.prediction, measured(trace)
    if plan is None or not trace.finished or seen.steps < LEAST_STEPS:
        return None
    if not same_step(trace) or not same_gpu(trace):
        return None
    if seen.allocated_bytes is None and seen.reserved_bytes is None and seen.step_seconds is None:
        return None
    return Correction(
        gpu=plan.gpu,
        architecture=plan.architecture,
        step=plan.step,
        predicted_allocated=plan.allocated_bytes,
        measured_allocated=seen.allocated_bytes,
        predicted_reserved=plan.reserved_bytes,
        measured_reserved=seen.reserved_bytes,
        predicted_seconds=plan.step_seconds,
        measured_seconds=seen.step_seconds,
        steps=seen.steps,
        when=when,
    )


def append(path: Path, correction: Correction) -> None:
    """Add a line to the file, which is made where it is not there.

    Raises:
        UserError: if it cannot be written.
    """
    line = msgspec.json.encode(correction) + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # A killed process may have left half a line. One write a line: several may append.
            end = os.lseek(handle, 0, os.SEEK_END)
            torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
            os.write(handle, b"\n" + line if torn else line)
        finally:
            os.close(handle)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror}"
        raise UserError(message) from None


def read(path: Path) -> tuple[Correction, ...]:
    """The runs in the file, oldest first; lines that cannot be understood are passed over."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return ()
    found: list[Correction] = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Correction))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return tuple(found)


def factors(known: Iterable[Correction], *, gpu: str, architecture: str) -> Factors:
    """What to multiply a prediction by, from runs on the same GPU with the same architecture.

    Of runs of one step the newest counts: one that was repeated often is no more certain.
    """
    alike: dict[str, Correction] = {}
    for each in known:
        if each.gpu == gpu and each.architecture == architecture:
            alike.pop(each.step, None)
            alike[each.step] = each
    newest = list(alike.values())[-NEWEST:]
    return Factors(
        allocated=_factor((e.measured_allocated, e.predicted_allocated) for e in newest),
        reserved=_factor((e.measured_reserved, e.predicted_reserved) for e in newest),
        seconds=_factor((e.measured_seconds, e.predicted_seconds) for e in newest),
    )


def _factor(pairs: Iterable[tuple[float | None, float | None]]) -> Factor | None:
    ratios = [was / said for was, said in pairs if was and said]
    kept = [ratio for ratio in ratios if TRUSTED[0] <= ratio <= TRUSTED[1]]
    if not kept:
        return None
    return Factor(value=float(np.median(kept)), low=min(kept), high=max(kept), runs=len(kept))
