"""Watch a Hugging Face Trainer, or one built on it: one line in the user's script."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tunewell.readers.logs import INSIDE
from tunewell.train.observer.announce import announce_on_stderr
from tunewell.train.observer.described import described
from tunewell.train.observer.examiner import Examiner
from tunewell.train.observer.hooks import harmless
from tunewell.train.observer.observer import Observer
from tunewell.train.observer.planned import Planned


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Writes a run folder and reports findings while the Trainer trains.

    ::

        trainer = Trainer(..., callbacks=[tunewell.Watch()])

    Works in every trainer of transformers, TRL and sentence-transformers.

    Args:
        out: the run folder; `tunewell` inside the trainer's output folder where None.
        every: optimizer steps between two examinations, at least.
        stop_on: codes or names of checks whose finding ends the training, or a severity: "error"
            ends it at the first finding of an error.
        announce: told each error and warning once, as a line; None keeps silent. Standard error by
            default.
        settings: settings to record in place of the TrainingArguments.
        prediction: what a plan said of this run, as the file that `tunewell plan` wrote. It is
            recorded, and what the finished run measured is added to `corrections.jsonl` beside
            that file, which the next plan reads.

    It never changes what is trained: no random state is touched, and what goes wrong in here is
    recorded as broken. With several processes each records its own steps, and the first one looks
    at all of them.

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
        settings: Mapping[str, Any] | None = None,
        prediction: str | Path | None = None,
    ) -> None:
        self._planned = Planned.of(prediction)
        self.out = Path(out) if out is not None else None
        self.settings = settings
        self.examiner = Examiner(every=every, stop_on=stop_on, announce=announce)
        self._observer: Observer | None = None
        self._last: dict[str, Any] = {}
        self._kept_step: int | None = None

    @harmless
    def on_train_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """Open the run folder and say what is trained."""
        self._kept_step = None
        folder = self.out or Path(args.output_dir) / INSIDE
        rank = int(getattr(args, "process_index", 0))
        observer = Observer(folder, examiner=self.examiner, rank=rank, planned=self._planned)
        optimizer = parts.get("optimizer")
        observer.begin(
            parts.get("model"),
            optimizer,
            scaler=getattr(optimizer, "scaler", None),
            hooks=not getattr(args, "torch_compile", False),
            step=state.global_step,
            framework="transformers",
            world_size=int(getattr(args, "world_size", 1)),
            max_steps=state.max_steps,
            said=lambda: self._said(args, state, parts),
        )
        self._observer = observer

    def _said(self, args: Any, state: Any, parts: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
        settings = dict(self.settings) if self.settings is not None else _plain(args)
        stopping = (state.stateful_callbacks or {}).get("EarlyStoppingCallback") or {}
        settings |= stopping.get("args", {}) if isinstance(stopping, dict) else {}
        said = described(parts.get("model"), type(args).__name__)
        rows: Any = getattr(parts.get("train_dataloader"), "dataset", None)
        try:
            count: int | None = len(rows)
        except TypeError:
            count = None
        return {**said, "settings": settings, "train_rows": count}

    @harmless
    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """The step's batches are there."""
        if self._observer is not None:
            self._observer.step_begins()

    @harmless
    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """Gradients are complete."""
        if self._observer is not None:
            self._observer.before_update(parts.get("optimizer"))

    @harmless
    def on_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """The weights have moved, unless gradients overflowed in fp16."""
        if self._observer is not None:
            self._observer.after_update(skipped=bool(_skipped(parts.get("optimizer"))))

    @harmless
    def on_step_end(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """Time the step."""
        if self._observer is None:
            return
        self._observer.step_ends(state.global_step, skipped=_skipped(parts.get("optimizer")))
        if self._observer.stopped:
            control.should_training_stop = True

    @harmless
    def on_log(
        self,
        args: Any,  # noqa: ANN401, ARG002
        state: Any,  # noqa: ANN401
        control: Any,  # noqa: ANN401
        logs: Mapping[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Record what was logged; an evaluation logs when it is done."""
        if self._observer is None:
            return
        if any(name.startswith("eval_") for name in logs):
            self._observer.passed("evaluation_seconds", state.global_step)
        self._observer.log(state.global_step, logs, losses="loss" in logs)
        if self._observer.stopped:
            control.should_training_stop = True

    @harmless
    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """What the trainer does with the evaluation is no wait for data."""
        if self._observer is not None:
            self._observer.passed("", state.global_step)

    @harmless
    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """A checkpoint was written."""
        if self._observer is not None:
            self._observer.passed("saving_seconds", state.global_step)
            self._observer.saved(state.global_step, _saved_steps(args))

    @harmless
    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Say how it ended, judge the whole run, write the document."""
        if self._observer is None:
            return
        # The best checkpoint is older than the best step where that step was not saved.
        best = str(state.best_model_checkpoint or "").rpartition("-")[2]
        loads = bool(args.load_best_model_at_end) and best.isdigit()
        self._last = {
            "step": state.global_step,
            "best_step": state.best_global_step,
            "best_metric": state.best_metric,
            "metric_for_best": args.metric_for_best_model,
            "kept_step": int(best) if loads else state.global_step,
            "saved_steps": _saved_steps(args),
        }
        if self.settings is None:
            self.close()

    @harmless
    def intervened(self, step: int, kind: str, text: str, *, kept_step: int | None = None) -> None:
        """Record what a guard did to the run; `kept_step` where it chose the weights kept."""
        if kept_step is not None:
            self._kept_step = kept_step
        if self._observer is not None:
            self._observer.intervened(step, kind, text)

    @harmless
    def step_anew(self) -> None:
        """The present step is computed from its beginning once more: forget what was seen."""
        if self._observer is not None:
            self._observer.step_anew()

    @contextlib.contextmanager
    def looking_away(self) -> Iterator[None]:
        """What is computed meanwhile is no part of the run: a guard computes steps again."""
        observer = self._observer
        if observer is not None:
            observer.blind = True
        try:
            yield
        finally:
            if observer is not None:
                observer.blind = False

    @harmless
    def close(self, *, reason: str = "finished", kept_step: int | None = None) -> None:
        """End the run folder; called by the Trainer's end, or with the error that ended it."""
        observer, self._observer = self._observer, None
        if observer is None:
            return
        said = dict(self._last)
        kept_step = self._kept_step if kept_step is None else kept_step
        if kept_step is not None:
            said["kept_step"] = kept_step
            said.pop("metric_for_best", None)
        observer.end(reason=reason, **said)


def _skipped(optimizer: Any) -> bool | None:  # noqa: ANN401
    """Whether the scaler of fp16 left the step out; None where there is no scaler."""
    scaled = getattr(optimizer, "scaler", None) is not None
    return bool(getattr(optimizer, "step_was_skipped", False)) if scaled else None


def _saved_steps(args: Any) -> list[int]:  # noqa: ANN401
    """The checkpoints that lie in the output folder now."""
    return sorted(
        int(number)
        for entry in Path(args.output_dir).glob("checkpoint-*")
        if (number := entry.name.rpartition("-")[2]).isdigit()
    )


def _plain(args: Any) -> dict[str, Any]:  # noqa: ANN401
    """The TrainingArguments that are plain values."""
    return {
        name: getattr(value, "value", value)
        for name, value in vars(args).items()
        if not name.startswith("_")
        and isinstance(getattr(value, "value", value), bool | int | float | str)
        and "token" not in name
    }
