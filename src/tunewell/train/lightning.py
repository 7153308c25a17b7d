"""Watch a Lightning Trainer: one callback."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tunewell.readers.logs import INSIDE
from tunewell.readers.logs.names import renamed, trace_names
from tunewell.train.observer.announce import announce_on_stderr
from tunewell.train.observer.batches import tensors_of
from tunewell.train.observer.described import described
from tunewell.train.observer.examiner import Examiner
from tunewell.train.observer.hooks import harmless
from tunewell.train.observer.observer import Observer
from tunewell.train.observer.planned import Planned

# The library goes by two names, and one of them is enough.
NAME = "lightning.pytorch" if find_spec("lightning") else "pytorch_lightning"
Callback: Any = import_module(f"{NAME}.callbacks").Callback


class LightningWatch(Callback):  # type: ignore[misc]  # known at run time only
    """Writes a run folder and reports findings while a Lightning Trainer trains.

    ::

        trainer = lightning.Trainer(..., callbacks=[tunewell.LightningWatch()])

    Args:
        out: the run folder; `tunewell` inside the trainer's log folder where None.
        every: optimizer steps between two examinations, at least.
        stop_on: codes or names of checks, or a severity, whose finding ends the training.
        announce: told each error and warning once, as a line; None keeps silent. Standard error by
            default.
        prediction: the file in which `tunewell plan` said what this run takes. What the finished
            run measured is added to `corrections.jsonl` beside it, which the next plan reads.

    With manual optimization or several optimizers the first optimizer's steps count. Metrics are
    those that the module logs; `val_loss` and the like get the names of the Trainer.

    Raises:
        SettingsError: if `stop_on` names a check that does not exist.
        UserError: if `prediction` cannot be read.
    """

    def __init__(
        self,
        out: str | Path | None = None,
        *,
        every: int = 50,
        stop_on: Collection[str] = (),
        announce: Callable[[str], None] | None = announce_on_stderr,
        prediction: str | Path | None = None,
    ) -> None:
        super().__init__()
        self.out = Path(out) if out is not None else None
        self.examiner = Examiner(every=every, stop_on=stop_on, announce=announce)
        self._planned = Planned.of(prediction)
        self._observer: Observer | None = None
        self._optimizer: Any = None
        self._logged_at = 0

    @harmless
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401
        """Open the run folder and say what is trained."""
        folder = self.out or Path(trainer.log_dir or trainer.default_root_dir) / INSIDE
        # All processes write where the first one does.
        folder = Path(trainer.strategy.broadcast(str(folder)))
        self._observer = Observer(
            folder, examiner=self.examiner, rank=trainer.global_rank, planned=self._planned
        )
        self._optimizer = trainer.optimizers[0] if trainer.optimizers else None
        self._logged_at = trainer.global_step
        self._observer.begin(
            pl_module,
            self._optimizer,
            scaler=getattr(trainer.precision_plugin, "scaler", None),
            # A batch is told by its own hook: what calls the module is up to `training_step`.
            hooks=False,
            step=trainer.global_step,
            framework="lightning",
            world_size=trainer.world_size,
            said=lambda: _said(trainer, pl_module),
        )

    @harmless
    def on_train_batch_start(
        self,
        trainer: Any,  # noqa: ANN401, ARG002
        pl_module: Any,  # noqa: ANN401
        batch: Any,  # noqa: ANN401
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """The batch is there."""
        if self._observer is not None:
            self._observer.step_begins()
            self._observer.mode = bool(pl_module.training)
            self._observer.saw_batch(_named(batch))

    @harmless
    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:  # noqa: ANN401, ARG002
        """What is trained may have been put into evaluation mode since the batch came."""
        if self._observer is not None:
            self._observer.mode = bool(pl_module.training)

    @harmless
    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:  # noqa: ANN401, ARG002
        """Gradients are complete."""
        if self._observer is not None and self._is_first(optimizer):
            self._observer.before_update(optimizer)

    @harmless
    def on_train_batch_end(
        self,
        trainer: Any,  # noqa: ANN401
        pl_module: Any,  # noqa: ANN401, ARG002
        outputs: Any,  # noqa: ANN401, ARG002
        batch: Any,  # noqa: ANN401, ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Time the step where one was made, and record what is due."""
        step = trainer.global_step
        if self._observer is None or step == self._observer.step:
            return
        self._observer.after_update()
        self._observer.step_ends(step)
        if step - self._logged_at >= trainer.log_every_n_steps:
            self._log(trainer)
        if self._observer.stopped:
            trainer.should_stop = True

    @harmless
    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """Record what the evaluation said."""
        if self._observer is None or trainer.sanity_checking:
            return
        self._observer.passed("evaluation_seconds", trainer.global_step)
        named = _plain(trainer.callback_metrics)
        judged = {name: value for name, value in named.items() if name.startswith("eval_")}
        self._observer.log(trainer.global_step, judged, losses=False, waited=False)

    @harmless
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ANN401, ARG002
        """Judge the whole run."""
        if self._observer is None:
            return
        self._log(trainer)
        observer, self._observer = self._observer, None
        observer.end(step=trainer.global_step, kept_step=trainer.global_step, **_best(trainer))

    @harmless
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ANN401, ARG002
        """The run ends with an error."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.end(reason=type(exception).__name__, step=trainer.global_step)

    def _log(self, trainer: Any) -> None:  # noqa: ANN401
        """Record the steps since the last log."""
        step = trainer.global_step
        if self._observer is None or step <= self._logged_at:
            return
        # The module's own training loss may be a mean over the epoch; the step's is seen anyway.
        # What an evaluation logged stands there until the next one.
        named = {
            name: value
            for name, value in _plain(trainer.logged_metrics).items()
            if name != "loss" and not name.startswith("eval_")
        }
        groups = self._optimizer.param_groups
        named["learning_rate"] = max((float(group["lr"]) for group in groups), default=0.0)
        named["epoch"] = float(trainer.current_epoch)
        self._observer.log(step, named, waited=False)
        self._logged_at = step

    def _is_first(self, optimizer: Any) -> bool:  # noqa: ANN401
        inner = getattr(optimizer, "optimizer", optimizer)
        return inner is getattr(self._optimizer, "optimizer", self._optimizer)


def _said(trainer: Any, module: Any) -> dict[str, Any]:  # noqa: ANN401
    """What a run says of itself, by the names of TrainingArguments where one fits."""
    steps = trainer.max_steps
    if steps is None or steps < 0:
        steps = trainer.estimated_stepping_batches
    settings = {
        "num_train_epochs": trainer.max_epochs,
        "gradient_accumulation_steps": trainer.accumulate_grad_batches,
        "max_grad_norm": trainer.gradient_clip_val,
        "precision": str(trainer.precision),
        "logging_steps": trainer.log_every_n_steps,
    }
    for callback in trainer.early_stopping_callbacks:
        settings |= {
            "early_stopping_patience": callback.patience,
            "metric_for_best_model": callback.monitor,
        }
    own = getattr(module, "hparams", {}) or {}
    plain = {n: v for n, v in dict(own).items() if isinstance(v, bool | int | float | str)}
    rows: Any = getattr(trainer.train_dataloader, "dataset", None)
    return {
        **described(module),
        "settings": {**settings, **plain},
        "max_steps": int(steps) if steps not in (None, float("inf")) else None,
        "train_rows": len(rows) if hasattr(rows, "__len__") else None,
    }


def _best(trainer: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the checkpoint callback kept."""
    callback = trainer.checkpoint_callback
    if callback is None or not getattr(callback, "monitor", None):
        return {}
    score = callback.best_model_score
    (monitor,) = trace_names([callback.monitor]).values() or (callback.monitor,)
    return {
        "best_metric": None if score is None else float(score),
        "metric_for_best": monitor,
        "best_step": _step_of(callback.best_model_path),
    }


def _step_of(path: str) -> int | None:
    """The step in a checkpoint's name, `epoch=3-step=400.ckpt`."""
    number = path.rpartition("step=")[2].split(".")[0].split("-")[0]
    return int(number) if number.isdigit() else None


def _named(batch: Any) -> Mapping[str, Any]:  # noqa: ANN401
    """The batch by name; of a pair the second part is taken for the labels."""
    if isinstance(batch, list | tuple):
        inputs = tensors_of(tuple(batch[:1]), {})
        return {**inputs, "labels": batch[1]} if len(batch) > 1 else inputs
    return tensors_of((batch,), {})


def _plain(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of one value, by the names of `Trace`."""
    values = {
        name: float(value.item())
        for name, value in metrics.items()
        if hasattr(value, "item") and value.numel() == 1
    }
    return renamed(values, trace_names(list(values)))
