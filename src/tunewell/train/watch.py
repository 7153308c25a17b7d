"""Watch a Hugging Face Trainer: one line in the user's script."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import torch
from transformers import TrainerCallback

from tunewell.core.document import Document
from tunewell.core.finding import Finding, Severity
from tunewell.engine.examine import Outcomes, examine
from tunewell.readers.logs import INSIDE
from tunewell.readers.logs.run_folder import read_events
from tunewell.train.recorder import Recorder
from tunewell.train.step_one import StepOne

VERSION = version("tunewell")
FAMILIES = ("fit", "hyperparameters", "hardware", "metrics")
SHARE = 0.005
"""Live checks may take this share of the run's time so far; half of the 1 % promised in all."""

Hook = TypeVar("Hook", bound=Callable[..., Any])


def _announce(text: str) -> None:
    sys.stderr.write(f"tunewell: {text}\n")


def _guarded(hook: Hook) -> Hook:
    """Time a hook, and turn anything it raises into a recorded event: it cannot harm the run."""

    @functools.wraps(hook)
    def guarded(self: Watch, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        started = time.perf_counter()
        try:
            hook(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  the run goes on, whatever breaks here
            self._broke(hook.__name__, error)
        self._cost += time.perf_counter() - started

    return cast("Hook", guarded)


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Writes a run folder and reports findings while the Trainer trains.

    ::

        trainer = Trainer(..., callbacks=[tunewell.Watch()])

    Args:
        out: the run folder; `tunewell` inside the trainer's output folder where None.
        every: optimizer steps between two examinations, at least.
        stop_on: codes of checks whose finding ends the training.
        announce: told each finding once, as a line; None keeps silent. Standard error by default.
        settings: settings to record in place of the TrainingArguments.

    It never changes what is trained: no random state is touched, and what goes wrong in here is
    recorded as broken. With several processes it works on rank 0 alone.
    """

    def __init__(
        self,
        out: str | Path | None = None,
        *,
        every: int = 50,
        stop_on: Collection[str] = (),
        announce: Callable[[str], None] | None = _announce,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.out = Path(out) if out is not None else None
        self.every = every
        self.stop_on = frozenset(stop_on)
        self.announce = announce
        self.settings = settings
        self._recorder: Recorder | None = None
        self._model: Any = None
        self._hook: Any = None
        self._cost = 0.0
        self._reset_window()
        self._step_began = self._step_ended = 0.0
        self._step_one: StepOne | None = None
        self._proved = False
        self._first_loss: torch.Tensor | None = None
        self._rate = 0.0
        self._classes: int | None = None
        self._examined_at = 0
        self._examination_seconds = 0.0
        self._began = 0.0
        self._open: dict[str, Finding] = {}
        self._outcomes = Outcomes()
        self._stop = False
        self._last: dict[str, Any] = {}
        self._kept_step: int | None = None

    # -- the run's events ------------------------------------------------------------------------

    @_guarded
    def on_train_begin(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """Open the run folder and say what is trained."""
        if not state.is_world_process_zero:
            return
        folder = self.out or Path(args.output_dir) / INSIDE
        self._recorder = Recorder(folder, fresh=state.global_step == 0)
        self._model = parts["model"]
        config = getattr(self._model, "config", None)
        kinds = getattr(config, "architectures", None) or [type(self._model).__name__]
        if any("Classification" in str(kind) for kind in (*kinds, type(self._model).__name__)):
            self._classes = getattr(config, "num_labels", None)
        loader = parts.get("train_dataloader")
        rows: Any = getattr(loader, "dataset", None)
        self._recorder.write(
            "start",
            tunewell=VERSION,
            settings=dict(self.settings) if self.settings is not None else _plain(args),
            max_steps=state.max_steps,
            step=state.global_step,
            classes=self._classes,
            train_rows=len(rows) if hasattr(rows, "__len__") else None,
        )
        self._hook = self._model.register_forward_hook(self._on_forward)
        self._began = self._step_ended = time.perf_counter()

    @_guarded
    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """The step's batches are there: what passed since the last step was waiting for them."""
        self._step_began = time.perf_counter()
        self._data_seconds += self._step_began - self._step_ended

    @_guarded
    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **parts: Any) -> None:  # noqa: ANN401, ARG002
        """Before the first step whose learning rate is above 0: remember every tensor."""
        if self._proved or self._recorder is None:
            return
        optimizer = parts["optimizer"]
        self._rate = max(float(group["lr"]) for group in optimizer.param_groups)
        if self._rate > 0:
            self._step_one = StepOne()
            self._step_one.before(self._model, optimizer)

    @_guarded
    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """After it: say which moved."""
        if self._step_one is None or self._recorder is None:
            return
        proof, self._step_one, self._proved = self._step_one, None, True
        self._recorder.write(
            "step_one",
            step=state.global_step + 1,
            learning_rate=self._rate,
            first_loss=None if self._first_loss is None else float(self._first_loss),
            classes=self._classes,
            tensors=proof.after(self._model),
        )

    @_guarded
    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Time the step."""
        self._step_ended = time.perf_counter()
        self._step_seconds += self._step_ended - self._step_began
        self._steps += 1
        if self._stop:
            control.should_training_stop = True

    @_guarded
    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """An evaluation is no wait for data."""
        self._step_ended = time.perf_counter()

    @_guarded
    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Nor is a checkpoint."""
        self._step_ended = time.perf_counter()

    @_guarded
    def on_log(
        self,
        args: Any,  # noqa: ANN401, ARG002
        state: Any,  # noqa: ANN401
        control: Any,  # noqa: ANN401
        logs: Mapping[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> None:
        """Record what was logged, with what the trainer leaves out."""
        if self._recorder is None:
            return
        values = {name: value for name, value in logs.items() if isinstance(value, int | float)}
        if "loss" in logs and self._steps:
            values |= self._window()
        self._recorder.write("log", step=state.global_step, values=values)
        due = state.global_step - self._examined_at >= self.every
        spent = time.perf_counter() - self._began
        if due and self._examination_seconds <= SHARE * spent:
            self._examine(state.global_step, live=True)
            if self._stop:
                control.should_training_stop = True
        self._step_ended = time.perf_counter()

    @_guarded
    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Say how it ended, judge the whole run, write the document."""
        if self._recorder is None:
            return
        # The best checkpoint is older than the best step where that step was not saved.
        best = str(state.best_model_checkpoint or "").rpartition("-")[2]
        loads = bool(args.load_best_model_at_end) and best.isdigit()
        folder = Path(args.output_dir)
        self._last = {
            "step": state.global_step,
            "best_step": state.best_global_step,
            "best_metric": state.best_metric,
            "metric_for_best": args.metric_for_best_model,
            "kept_step": int(best) if loads else state.global_step,
            "saved_steps": sorted(
                int(number)
                for entry in folder.glob("checkpoint-*")
                if (number := entry.name.rpartition("-")[2]).isdigit()
            ),
        }
        if self.settings is None:
            self.close()

    # -- what is seen and said -------------------------------------------------------------------

    @_guarded
    def close(self, *, reason: str = "finished", kept_step: int | None = None) -> None:
        """End the run folder; called by the Trainer's end, or with the error that ended it."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        if self._recorder is None:
            return
        try:
            self._write_end(reason, kept_step)
        finally:
            recorder, self._recorder = self._recorder, None
            recorder.close()

    def _write_end(self, reason: str, kept_step: int | None) -> None:
        if self._recorder is None:
            return
        end = dict(self._last)
        kept_step = self._kept_step if kept_step is None else kept_step
        if kept_step is not None:
            end["kept_step"] = kept_step
            end.pop("metric_for_best", None)
        self._recorder.write("end", reason=reason, watch_seconds=round(self._cost, 6), **end)
        self._examine(int(end.get("step") or 0), live=False)
        findings = tuple(self._outcomes.findings)
        serious = [f for f in findings if f.severity is not Severity.INFO]
        Document(
            command="watch",
            verdict=serious[0].message if serious else "Nothing was found wrong with this run.",
            tunewell=VERSION,
            findings=findings,
            passed=tuple(self._outcomes.passed),
            not_applicable=tuple(self._outcomes.not_applicable),
            not_run=tuple(self._outcomes.not_run),
            broken=tuple(self._outcomes.broken),
        ).save(self._recorder.path.parent / "document.json")

    def _on_forward(self, module: Any, inputs: Any, outputs: Any) -> None:  # noqa: ANN401, ARG002
        """Keep the raw loss of a training batch, on its device, without waiting for it."""
        try:
            if not module.training:
                return
            loss = (
                outputs.get("loss") if hasattr(outputs, "get") else getattr(outputs, "loss", None)
            )
            if not isinstance(loss, torch.Tensor):
                return
            seen = loss.detach().float().mean()
            if self._first_loss is None:
                self._first_loss = seen
            self._losses.append(seen)
        except Exception as error:  # noqa: BLE001  the run goes on, whatever breaks here
            self._broke("forward", error)

    def _reset_window(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._steps = 0
        self._step_seconds = 0.0
        self._data_seconds = 0.0
        self._cost_then = self._cost

    def _window(self) -> dict[str, float]:
        """Means over the steps since the last log."""
        steps = self._steps
        values = {
            "step_seconds": self._step_seconds / steps,
            "data_seconds": self._data_seconds / steps,
            "watch_seconds": (self._cost - self._cost_then) / steps,
        }
        if self._losses:
            losses = torch.stack(self._losses).cpu()
            values["raw_loss"] = float(losses.mean())
            values["nonfinite_losses"] = float((~torch.isfinite(losses)).sum())
        self._reset_window()
        return values

    def _examine(self, step: int, *, live: bool) -> None:
        if self._recorder is None:
            return
        started = time.perf_counter()
        trace, proof = read_events(self._recorder.path)
        subjects: list[object] = [trace] if proof is None else [trace, proof]
        self._outcomes = examine(subjects, families=FAMILIES)
        found = {finding.code: finding for finding in self._outcomes.findings}
        for code, finding in found.items():
            if code in self._open:
                continue
            self._recorder.write(
                "finding_opened", step=step, code=code, finding=msgspec.to_builtins(finding)
            )
            self._say(f"step {step}: {code} {finding.name}: {finding.message}")
            if live and code in self.stop_on:
                self._stop = True
                self._recorder.write("stop", step=step, code=code)
        for code in self._open.keys() - found.keys():
            self._recorder.write("finding_closed", step=step, code=code)
        self._open = found
        self._examined_at = step
        self._examination_seconds += time.perf_counter() - started

    def _say(self, line: str) -> None:
        try:
            if self.announce is not None:
                self.announce(line)
        except Exception as error:  # noqa: BLE001  a listener's trouble is not the run's
            self._broke("announce", error)

    def _broke(self, where: str, error: Exception) -> None:
        try:
            if self._recorder is not None:
                self._recorder.write(
                    "broken", where=where, error=f"{type(error).__name__}: {error}"
                )
        except Exception:  # noqa: BLE001  a full disk must not end the run either
            self._recorder = None

    @_guarded
    def intervened(
        self, step: int, kind: str, text: str, *, kept_step: int | None = None
    ) -> None:
        """Record what the guard did at a step; `kept_step` where it chose the weights kept."""
        if kind in {"skip", "back"}:
            # The update of this step was not taken: it proves nothing about what moves.
            self._step_one = None
        if kept_step is not None:
            self._kept_step = kept_step
        if self._recorder is not None:
            self._recorder.write("intervention", step=step, kind=kind, text=text)


def _plain(args: Any) -> dict[str, Any]:  # noqa: ANN401
    """The TrainingArguments that are plain values."""
    return {
        name: getattr(value, "value", value)
        for name, value in vars(args).items()
        if not name.startswith("_")
        and isinstance(getattr(value, "value", value), bool | int | float | str)
        and "token" not in name
    }
