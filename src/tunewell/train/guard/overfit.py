"""Stop when the evaluation loss is past its minimum, and put the best weights back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback

from tunewell.core.words import counted
from tunewell.facts.curves import MIN_RISE, is_past_lowest, noise
from tunewell.train.guard.states import Trained
from tunewell.train.keeper import Keeper

SCORES = ("eval_accuracy", "eval_f1")
"""Scores whose gain since the lowest loss says that learning goes on."""


class Overfitting(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Watches the evaluations of one run.

    Args:
        trainer: what trains.
        past: evaluations above the lowest, at least, before it stops.
        event: told what is done, as a kind, a sentence and the step whose weights are kept.
    """

    def __init__(self, trainer: Any, past: int, event: Callable[..., None]) -> None:  # noqa: ANN401
        self.trainer = trainer
        self.past = past
        self.event = event
        self.values: list[float] = []
        self.points: list[int] = []
        self.scores: list[float | None] = []
        self.stopped = False
        self._weights: dict[str, torch.Tensor] = {}
        self._best: int | None = None

    def on_evaluate(
        self,
        args: Any,  # noqa: ANN401, ARG002
        state: Any,  # noqa: ANN401
        control: Any,  # noqa: ANN401
        metrics: Mapping[str, float],
        **_: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Take one evaluation."""
        value = metrics.get("eval_loss")
        if value is None or not np.isfinite(value) or state.global_step in self.points:
            return control
        if self._keeps() and (not self.values or value < min(self.values)):
            self._weights = {
                name: tensor.detach().to("cpu", copy=True)
                for name, tensor in Trained(self.trainer).tensors().items()
            }
            self._best = state.global_step
        self.values.append(float(value))
        self.points.append(state.global_step)
        self.scores.append(next((metrics[name] for name in SCORES if name in metrics), None))
        if not self.stopped and self._is_past():
            self.stopped = True
            control.should_training_stop = True
            low = int(np.argmin(self.values))
            scatter = noise(np.array(self.values))
            self.event(
                "stop",
                f"evaluation loss rose from {self.values[low]:.4g} at step {self.points[low]:,} to "
                f"{self.values[-1]:.4g}; the last {counted(self.past, 'evaluation')} lie more than "
                f"{100 * MIN_RISE:.0f} % above it"
                + (f" and more than three times its scatter of {scatter:.2g}" if scatter else "")
                + ": the model learns the training rows by heart, so the run was stopped",
            )
            for keeper in self._keepers():
                keeper.load_best = True
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Give the model its best weights, where the trainer does not."""
        if not self.stopped:
            return
        if args.load_best_model_at_end:
            # transformers has loaded it just before this.
            self.event(
                "restore-best",
                f"the trainer loaded its best checkpoint, of step {state.best_global_step:,}",
            )
            return
        for keeper in self._keepers():
            self.event(
                "restore-best",
                f"the weights of step {keeper.best_step:,}, the best by {keeper.metric}, are kept",
                kept_step=keeper.best_step,
            )
            return
        with torch.no_grad():
            for name, tensor in Trained(self.trainer).tensors().items():
                tensor.copy_(self._weights[name])
        self.event(
            "restore-best",
            f"the weights of step {self._best:,}, which have the lowest evaluation loss, were put "
            "back",
            kept_step=self._best,
        )
        self._weights = {}

    def _is_past(self) -> bool:
        if not is_past_lowest(np.array(self.values), min_past=self.past):
            return False
        low = int(np.argmin(self.values))
        then, now = self.scores[low], self.scores[-1]
        # A loss may rise on wrong answers alone while more and more answers are right.
        return then is None or now is None or now <= then

    def _keepers(self) -> list[Keeper]:
        return [c for c in self.trainer.callback_handler.callbacks if isinstance(c, Keeper)]

    def _keeps(self) -> bool:
        """Whether nobody else remembers the best weights."""
        return not self.trainer.args.load_best_model_at_end and not self._keepers()
