"""When to evaluate, which weights to keep, and when to stop early."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import TrainerCallback

from tunewell.core.progress import Progress

Scores = NDArray[np.float32]


class Keeper(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Evaluates `evals_per_epoch` times an epoch and at the end, and remembers the best weights.

    Weights are kept in memory: writing checkpoints costs more than a short training.
    `keep_best` keeps them even where they are not loaded: whoever ends the run early may set
    `load_best` then. `best_scores` are the logits of the model that is kept, in the order it was
    evaluated in.
    """

    def __init__(  # noqa: PLR0913  each is a setting of the recipe
        self,
        *,
        steps_per_epoch: int,
        evals_per_epoch: int,
        metric: str,
        greater_is_better: bool,
        patience: int | None,
        load_best: bool,
        keep_best: bool = False,
        progress: Progress,
    ) -> None:
        self.steps_per_epoch = steps_per_epoch
        self.evals_per_epoch = min(evals_per_epoch, steps_per_epoch)
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.patience = patience
        self.load_best = load_best
        self.keep_best = keep_best or load_best
        self.progress = progress
        self.scores: Scores | None = None
        self.best_scores: Scores | None = None
        self.best_value: float | None = None
        self.best_step: int | None = None
        self.kept_step = 0
        self._weights: dict[str, torch.Tensor] = {}
        self._without_gain = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002
        """Ask for an evaluation where one is due."""
        self.progress.advance()
        step = state.global_step
        within = (step - 1) % self.steps_per_epoch + 1
        parts = self.evals_per_epoch
        due = {round(part * self.steps_per_epoch / parts) for part in range(1, parts + 1)}
        if within in due or step >= state.max_steps:
            control.should_evaluate = True
            control.should_log = True
        return control

    def on_evaluate(
        self,
        args: Any,  # noqa: ANN401, ARG002
        state: Any,  # noqa: ANN401
        control: Any,  # noqa: ANN401
        metrics: dict[str, float],
        model: Any,  # noqa: ANN401
        **_: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Keep the weights if they are the best so far, and count evaluations without a gain."""
        value = metrics[self.metric]
        best = self.best_value
        better = best is None or (value > best if self.greater_is_better else value < best)
        if better and np.isfinite(value):
            self.best_value, self.best_step = float(value), state.global_step
            state.best_metric, state.best_global_step = value, state.global_step
            self._without_gain = 0
            if self.keep_best:
                self.best_scores = self.scores
                self._weights = {
                    name: tensor.detach().clone() for name, tensor in model.state_dict().items()
                }
        else:
            self._without_gain += 1
            if self.patience is not None and self._without_gain >= self.patience:
                control.should_training_stop = True
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Give the model the weights that are kept."""
        self.kept_step = state.global_step
        if self.load_best and self._weights and self.best_step is not None:
            if self.best_step != state.global_step:
                model.load_state_dict(self._weights)
            self.kept_step = self.best_step
        else:
            self.best_scores = self.scores
        self._weights = {}

    def remembered(self) -> dict[str, Any]:
        """What it knows so far, as tensors and plain values."""
        scores = {"scores": self.scores, "best_scores": self.best_scores}
        return {
            "weights": self._weights,
            "without_gain": self._without_gain,
            "best_value": self.best_value,
            "best_step": self.best_step,
            **{name: None if v is None else torch.from_numpy(v) for name, v in scores.items()},
        }

    def remember(self, remembered: dict[str, Any]) -> None:
        """Take up what `remembered` gave."""
        self._weights = remembered["weights"]
        self._without_gain = int(remembered["without_gain"])
        self.best_value, self.best_step = remembered["best_value"], remembered["best_step"]
        for name in ("scores", "best_scores"):
            tensor = remembered[name]
            setattr(self, name, None if tensor is None else tensor.numpy())
