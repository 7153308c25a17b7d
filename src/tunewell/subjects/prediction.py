"""What a plan said of a run before it was started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted peaks of one process in bytes, and seconds of one optimizer step.

    They are as simulated, before any correction by earlier runs. `gpu` is the card's name as its
    driver says it, `architecture` the model's (its class or `model_type`). `step` is a mark of
    everything that the step was described by: runs of the same mark are the same step.
    """

    allocated_bytes: int
    reserved_bytes: int
    gpu: str
    architecture: str
    step: str
    step_seconds: float | None = None
