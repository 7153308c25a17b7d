"""A training run as columns over optimizer steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.prediction import Prediction


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One metric: `steps` (int64, shape n, rising) and `values` (float64, shape n).

    Values are as logged: NaN and infinity stay what they are. `times` (float64, shape n, seconds
    since 1970) is there where the log keeps them for every point.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    times: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        """Number of logged points."""
        return len(self.steps)

    @property
    def finite(self) -> Column:
        """The points whose value is finite."""
        keep = np.isfinite(self.values)
        times = None if self.times is None else self.times[keep]
        return Column(self.steps[keep], self.values[keep], times)


@dataclass(frozen=True, slots=True)
class Restart:
    """A run taken up again after step `step`, when the earlier part had come to `reached`.

    `settings` holds what the later part said of its arguments and `previous` what the part before
    it had said, where they said anything.
    """

    step: int
    reached: int
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    previous: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Intervention:
    """Something that the guard did to the run at a step: `kind` is a word, `text` a sentence.

    Kinds: smaller-batch, back, skip, lower-rate, stop, restore-best.
    """

    step: int
    kind: str
    text: str


EMPTY = Column(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Trace:
    """A run, live so far or finished.

    Columns use the names of the Hugging Face Trainer: `loss`, `grad_norm`, `learning_rate`,
    `epoch`, `eval_loss`, `eval_accuracy`, `eval_f1` ... A second evaluation set has its name in
    between: `eval_general_loss`. Preference and reward training use TRL's names: `rewards/margins`,
    `logps/chosen`, `kl`, `reward`, `completions/mean_length` ... Readers of other logs translate.

    The watcher adds, since the last log: `raw_loss` (the mean of the step losses before the trainer
    filters them), `nonfinite_losses` (steps whose raw loss was not finite), `watch_seconds` (its
    own cost a step), `process_bytes` (resident memory), and on a GPU `cuda_allocated_bytes`,
    `cuda_reserved_bytes`, and the most since the process began: `cuda_peak_bytes` (allocated) and
    `cuda_peak_reserved_bytes`. For each step: `step_loss` (raw, the mean of its micro-batches),
    `step_seconds` (forward, backward, update), `data_seconds` (waiting for the loader),
    `input_tokens` (places of its input ids, padding included), `attended_tokens` (those of them
    that are no padding), `trained_tokens` (labels that are not -100; rows, for a classifier),
    `batch_mark` (a number that is the same for the same input tokens), `evaluation_mode` (1 where
    the model was not in training mode), `skipped` (1 where the scaler of fp16 skipped the update),
    `loss_scale`. Classifiers: `predicted_top_share`, `label_top_share` (share of the commonest
    predicted and true class since the last log) and the same with `eval_` in front. Seconds by what
    they went to: `evaluation_seconds` and `saving_seconds` at the step where each happened.
    At some steps, chosen so that it costs little, for each layer: `update_ratio/<layer>` (size of
    the update against the weights, root mean squares over a sample), `gradient_rms/<layer>`,
    `weight_rms/<layer>`, and over all sampled values `nonfinite_parameters`,
    `nonfinite_gradients`, `nonfinite_optimizer_state` (counts).

    `best_step` is the step whose checkpoint the trainer calls best; `kept_step` the step of the
    model that the run ended with or loaded; `saved_steps` the checkpoints still on disk. `settings`
    holds what the run said of its arguments, by TrainingArguments name where it is one. `summary`
    holds values logged once, at the end (`train_runtime`, `train_loss` ...).

    Where a run was resumed, `columns` hold what stands in the end, `superseded` the points that the
    later part repeated, and `restarts` where. With several processes `columns` are the first one's
    and `ranks` hold the others' by rank. `gpu_name`, `gpu_bytes` (its memory), `parameters` and
    `trainable` (counts of values) are of the first one. `architecture` is the model's `model_type`
    and `attention` the implementation that it computes with. `prediction` is what a plan said.
    `task` is classification, language, preference, reward, embedding, regression or another word,
    None where the log does not tell; `framework` who trained. `interventions` are what the guard
    did.
    """

    source: str
    columns: Mapping[str, Column]
    path: Path | None = None
    max_steps: int | None = None
    finished: bool = True
    best_step: int | None = None
    best_metric: float | None = None
    metric_for_best: str | None = None
    greater_is_better: bool | None = None
    kept_step: int | None = None
    saved_steps: tuple[int, ...] = ()
    classes: int | None = None
    train_rows: int | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    summary: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    name: str = ""
    task: str | None = None
    framework: str | None = None
    restarts: tuple[Restart, ...] = ()
    superseded: Mapping[str, Column] = field(default_factory=lambda: MappingProxyType({}))
    ranks: Mapping[int, Mapping[str, Column]] = field(default_factory=lambda: MappingProxyType({}))
    interventions: tuple[Intervention, ...] = ()
    gpu_name: str | None = None
    gpu_bytes: int | None = None
    parameters: int | None = None
    trainable: int | None = None
    architecture: str | None = None
    attention: str | None = None
    prediction: Prediction | None = None

    def column(self, name: str) -> Column:
        """A column by name, empty where the run did not log it."""
        return self.columns.get(name, EMPTY)

    def columns_under(self, prefix: str) -> dict[str, Column]:
        """The columns whose name starts with `prefix`, by the rest of the name, in order."""
        return {
            name.removeprefix(prefix): column
            for name, column in sorted(self.columns.items())
            if name.startswith(prefix)
        }

    @property
    def last_step(self) -> int:
        """The last optimizer step that anything was logged at, 0 where nothing was."""
        return max((int(c.steps[-1]) for c in self.columns.values() if len(c)), default=0)
