"""The trainer's own evaluation over a few rows, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tunewell.subjects.first_step import Raised


@dataclass(frozen=True, slots=True)
class Judged:
    """What the user's metric function got and gave.

    `predictions` and `labels` are the shapes of the arrays, several where it was given a tuple.
    `ignored` counts values of -100 in the predictions and in the labels. `raised` is what it raised
    on the sampled rows, `raised_whole` on the same rows repeated to the length of the whole set
    where `tried_whole`, `raised_padded` on predictions of batches
    of different length, which the trainer fills up with -100. `keys` are those of its answer, None
    where that is no mapping. `perfect` has, for a causal model, each number that it gives for
    predictions without a mistake: its name, its value where each place predicts the next token, as
    the model does, and its value where each place predicts its own.
    """

    predictions: tuple[tuple[int, ...], ...]
    labels: tuple[tuple[int, ...], ...]
    ignored: tuple[int, int] = (0, 0)
    raised: Raised | None = None
    raised_whole: Raised | None = None
    tried_whole: bool = False
    raised_padded: Raised | None = None
    keys: tuple[str, ...] | None = None
    perfect: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Generated:
    """What generation made of sampled rows.

    `limit` is the most tokens it may write, the start token included for a model with a decoder of
    its own; `decoder_only` tells such a model from one that continues the prompt. `targets` are the
    lengths of the labels in tokens. `differs` are the rows whose text differs when generated alone,
    of `compared`; `left_padded` tells on which side the batch was padded, None where it was not.
    `answers_given` counts those of them whose labels all stand in the prompt that is continued.
    """

    limit: int
    targets: tuple[int, ...]
    decoder_only: bool = False
    compared: int = 0
    differs: tuple[int, ...] = ()
    left_padded: bool | None = None
    answers_given: int = 0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RehearsedEvaluation:
    """One evaluation of a copy in evaluation mode.

    `rows` are the 0-based rows that were judged, `batch_size` at a time. `losses` are the losses of
    the batches, None where a batch gave none. `label_names` are the names under which the trainer
    looks for labels and `inputs` those that the batches have. `outputs` are the names of what the
    model gives besides its loss. `metrics` are the names of all metrics of the evaluation, None
    where not all of it was run; `wanted` is the metric that chooses the best model, "" where none
    does. `repeat_difference` is the largest difference between two passes over the same batch,
    relative to the largest output, None where there was nothing to compare. `by_size` has the mean
    loss of the same `sized` rows by the size of the batch, empty where it was not measured.
    `raised` is what stopped the evaluation outside of the metric function. `names` are those of
    several sets.
    """

    task: str
    trainer: str
    rows: tuple[int, ...]
    total: int | None
    batch_size: int
    label_names: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    losses: tuple[float | None, ...] = ()
    labelled: int = 0
    has_metrics: bool = False
    judged: Judged | None = None
    metrics: tuple[str, ...] | None = None
    wanted: str = ""
    repeat_difference: float | None = None
    by_size: Mapping[int, float] = field(default_factory=dict)
    sized: int = 0
    precision: str = "float32"
    generated: Generated | None = None
    raised: Raised | None = None
    names: tuple[str, ...] = ()
