"""The reference of preference tuning against the model at its start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Reference:
    """How far the model is from its reference before the first step.

    `kind` is "model" (a model of its own), "base" (the adapter switched off), "adapter" (a copy of
    the adapter) or "precomputed". `log_ratio` is the larger, of chosen and rejected answers, of the
    mean over `rows` of the logarithm of the ratio of an answer's probabilities, without sign.
    `answer_log_probability` is the mean log-probability of a chosen answer under the model.
    """

    kind: str
    log_ratio: float
    rows: int
    answer_log_probability: float | None = None
