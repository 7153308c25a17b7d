"""Watch Keras 3 with its PyTorch backend: one callback."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from tunewell.core.errors import SettingsError
from tunewell.readers.logs.names import renamed, trace_names
from tunewell.train.loop import FOLDER
from tunewell.train.observer.announce import announce_below_keras
from tunewell.train.observer.backward import told_of_backward
from tunewell.train.observer.described import described
from tunewell.train.observer.examiner import Examiner
from tunewell.train.observer.hooks import harmless
from tunewell.train.observer.observer import Observer
from tunewell.train.observer.planned import Planned

keras: Any = import_module("keras")

CROSS_ENTROPIES = frozenset({"sparsecategoricalcrossentropy", "categoricalcrossentropy"})
"""Losses over classes of which one is right; their logarithm is what guessing costs."""


class KerasWatch(keras.callbacks.Callback):  # type: ignore[misc]  # known at run time only
    """Writes a run folder and reports findings while `model.fit` trains on PyTorch.

    ::

        model.fit(..., callbacks=[tunewell.KerasWatch()])

    Args:
        out: the run folder.
        log_every: batches between two records of the mean loss and the learning rate.
        every: batches between two examinations, at least.
        stop_on: codes or names of checks, or a severity, whose finding ends the training.
        announce: told each error and warning once, as a line; None keeps silent. Standard error by
            default.
        prediction: the file in which `tunewell plan` said what this run takes. What the finished
            run measured is added to `corrections.jsonl` beside it, which the next plan reads.

    A batch counts as a step. Metrics get the names of the Trainer: `val_loss` is `eval_loss`.

    Raises:
        SettingsError: if Keras runs on another backend, or `stop_on` names a check that does not
            exist.
        UserError: if `prediction` cannot be read.
    """

    def __init__(
        self,
        out: str | Path = FOLDER,
        *,
        log_every: int = 10,
        every: int = 50,
        stop_on: Collection[str] = (),
        announce: Callable[[str], None] | None = announce_below_keras,
        prediction: str | Path | None = None,
    ) -> None:
        super().__init__()
        backend = keras.config.backend()
        if backend != "torch":
            message = (
                f"Keras runs on {backend!r}: KerasWatch needs the PyTorch backend "
                "(KERAS_BACKEND=torch before keras is imported)"
            )
            raise SettingsError(message)
        self.out = Path(out)
        self.log_every = log_every
        self.examiner = Examiner(every=every, stop_on=stop_on, announce=announce)
        self._planned = Planned.of(prediction)
        self._observer: Observer | None = None
        self._undo: Callable[[], None] | None = None
        self._logged_at = 0
        self._step = 0

    @harmless
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Open the run folder and say what is trained."""
        self._observer = Observer(self.out, examiner=self.examiner, planned=self._planned)
        self._step = self._logged_at = 0
        epochs, batches = self.params.get("epochs"), self.params.get("steps")
        self._observer.begin(
            self.model,
            # Keras calls its layers in its own way, past the hooks of PyTorch.
            hooks=False,
            framework="keras",
            max_steps=epochs * batches if epochs and batches else None,
            said=self._said,
        )
        self._undo = told_of_backward(lambda _: None, self._gradients_are_there)

    def _said(self) -> dict[str, Any]:
        said = {**described(self.model), "settings": self._settings()}
        loss = getattr(self.model, "loss", None)
        # Keras names its losses in snake case as text and in camel case as objects.
        named = loss if isinstance(loss, str) else type(loss).__name__
        shape = getattr(self.model, "output_shape", None)
        if named.replace("_", "").lower() in CROSS_ENTROPIES and isinstance(shape, tuple):
            one_answer_a_row = len(shape) == 2  # noqa: PLR2004  rows and classes
            if one_answer_a_row and isinstance(shape[-1], int):
                said |= {"task": "classification", "classes": shape[-1]}
        return said

    def _settings(self) -> dict[str, Any]:
        optimizer = self.model.optimizer
        return {
            "num_train_epochs": self.params.get("epochs"),
            "optim": type(optimizer).__name__,
            "learning_rate": self._rate(),
            "weight_decay": optimizer.weight_decay,
        }

    def _rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    @harmless
    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """The batch is about to be trained on."""
        if self._observer is not None:
            self._observer.step_begins()
            self._observer.mode = True

    @harmless
    def _gradients_are_there(self, loss: torch.Tensor) -> None:  # noqa: ARG002
        """Between the backward pass and the update, where Keras has no callback."""
        if self._observer is not None:
            self._observer.before_update(_Groups(self.model, self._rate()))

    @harmless
    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Time the step, and record what is due."""
        if self._observer is None:
            return
        self._step += 1
        self._observer.after_update()
        self._observer.step_ends(self._step)
        if self._step - self._logged_at >= self.log_every:
            self._log({})
        if self._observer.stopped:
            self.model.stop_training = True

    @harmless
    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """What passed until here was training."""
        if self._observer is not None:
            self._observer.passed("", self._step)

    @harmless
    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """An evaluation is done."""
        if self._observer is not None:
            self._observer.passed("evaluation_seconds", self._step)

    @harmless
    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Record the metrics of the epoch; its training loss is a mean that lags behind."""
        values = {n: float(v) for n, v in (logs or {}).items() if isinstance(v, int | float)}
        values.pop("loss", None)
        named = renamed(values, trace_names(list(values)))
        self._log({**named, "epoch": float(epoch + 1)})

    @harmless
    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
        """Judge the whole run."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.end(step=self._step, kept_step=self._step)

    def _log(self, values: Mapping[str, float]) -> None:
        if self._observer is None:
            return
        named = {**values, "learning_rate": self._rate()}
        self._observer.log(self._step, named, losses=self._step > self._logged_at, waited=False)
        self._logged_at = self._step


class _Groups:
    """Keras's optimizer, as far as the observer asks: its weights and its rate."""

    def __init__(self, model: Any, rate: float) -> None:  # noqa: ANN401
        weights = [variable.value for variable in model.trainable_variables]
        self.param_groups = [{"params": weights, "lr": rate}]
