"""The watcher of one process: sees each step, records it, and lets the live checks look."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from tunewell.core.version import VERSION
from tunewell.train.observer import batches
from tunewell.train.observer.backward import told_of_backward
from tunewell.train.observer.examiner import Examiner
from tunewell.train.observer.hooks import guarded
from tunewell.train.observer.layers import LayerProbe, census
from tunewell.train.observer.memory import gpu, memory_in_use
from tunewell.train.observer.pending import Pending
from tunewell.train.observer.planned import Planned
from tunewell.train.observer.shares import Shares
from tunewell.train.observer.step import StepRecord, as_columns, finite
from tunewell.train.recorder import Recorder
from tunewell.train.step_one import StepOne

PROBE_SHARE = 0.0015
"""Looks into the layers may take this share of the run's time so far."""

PROBE_START, PROBE_SPACING = 0.03, 1.25
"""So many seconds nobody misses, however short the run: until they are used up there is a look each
time that the step number has grown to so many times that of the last look."""

FLUSH_SECONDS = 0.25
"""Steps are written at least this often: a killed run loses no more of them."""

FLUSH_STEPS = 64


class Observer:
    """Sees a training whoever runs it: an adapter calls `begin`, the steps, `log` and `end`.

    Args:
        folder: the run folder.
        examiner: what looks at the run while it goes on; None in processes other than the first.
        rank: of this process.
        infer_evaluation: take forward calls without gradients for an evaluation; otherwise the
            adapter says when there was one.
        planned: what a plan said of the run; the first process records it and learns from it.

    `mode` is whether the model was in training mode when it was last called; `cost` the seconds
    spent in here so far; while it is `blind` nothing that is computed counts. No random state is
    touched, nothing waits for an accelerator outside `log`, and what goes wrong in here is recorded
    as broken.
    """

    def __init__(
        self,
        folder: Path,
        *,
        examiner: Examiner | None,
        rank: int = 0,
        infer_evaluation: bool = False,
        planned: Planned | None = None,
    ) -> None:
        self.folder = folder
        self.examiner = examiner if rank == 0 else None
        self.rank = rank
        self._planned = planned if rank == 0 else None
        self.cost = 0.0
        self.step = 0
        self.stopped = False
        self.blind = False
        self._broken = False
        self._recorder: Recorder | None = None
        self._model: Any = None
        self._optimizer: Any = None
        self._scaler: Any = None
        self._undo: list[Callable[[], Any]] = []
        self._pending = Pending()
        self._waiting: list[tuple[int, dict[str, float]]] = []
        self._flushed = 0.0
        self._seen = StepRecord()
        self._shares = Shares()
        self._eval_shares = Shares("eval_")
        self._step_one: StepOne | None = None
        self._proved = False
        self._unmoved = False
        self._first_loss: torch.Tensor | None = None
        self._rate = 0.0
        self._classes: int | None = None
        self._probe: LayerProbe | None = None
        self._probing = False
        self._probe_seconds = 0.0
        self._probed_at = 0
        self._counted = False
        self._urgent = False
        self._began = self._step_began = self._step_ended = 0.0
        self._before = 0
        self._spent: dict[str, tuple[int, float]] = {}
        self.mode = True
        self._called = False
        self._hooked = True
        self._infer = infer_evaluation
        self._judged_from = self._judged_until = 0.0
        self._window: list[float] = []
        self._cost_then = 0.0

    # -- the life of a run -----------------------------------------------------------------------

    @guarded
    def begin(
        self,
        model: Any,  # noqa: ANN401
        optimizer: Any = None,  # noqa: ANN401
        *,
        scaler: Any = None,  # noqa: ANN401
        hooks: bool = True,
        step: int = 0,
        said: Callable[[], Mapping[str, Any]] = dict,
        **known: Any,  # noqa: ANN401
    ) -> None:
        """Open the run folder and say what is trained.

        `known` and what `said` returns go into the start event; `said` is called in here, where
        its trouble is not the run's. Without `hooks` the model's calls are not looked at: a model
        that is compiled as one graph must stay as it is.
        """
        self._recorder = Recorder(self.folder, fresh=step == 0, rank=self.rank)
        self._model, self._optimizer, self._scaler = model, optimizer, scaler
        self.step = step
        if self.examiner is not None:
            # Checks are loaded here, where it costs no step.
            self.examiner.begin(self._recorder, resumed=step > 0)
        start = {"step": step, "rank": self.rank, "gpu": gpu(), **known, **said()}
        if self._planned is not None:
            start["prediction"] = self._planned.said()
        self._classes = start.get("classes")
        self._write("start", tunewell=VERSION, **start)
        self._hooked, self._called = hooks, not hooks
        if hooks:
            before = model.register_forward_pre_hook(self._on_batch, with_kwargs=True)
            after = model.register_forward_hook(self._on_forward, with_kwargs=True)
            self._undo = [before.remove, after.remove]
        self._undo.append(told_of_backward(self._on_backward))
        inner = getattr(optimizer, "optimizer", optimizer)
        if scaler is not None and isinstance(inner, torch.optim.Optimizer):
            self._undo.append(inner.register_step_pre_hook(self._on_optimizer).remove)
        if self.rank == 0:
            self._probe = LayerProbe(model)
        self._began = self._step_ended = self._flushed = time.perf_counter()

    @guarded
    def step_begins(self) -> None:
        """The step's batches are there: what passed since the last step was waiting for them."""
        if not self._step_began:
            self._step_began = time.perf_counter()

    @guarded
    def before_update(self, optimizer: Any) -> None:  # noqa: ANN401
        """The step's gradients are complete."""
        if self._recorder is None:
            return
        self._optimizer = optimizer
        self._rate = max((float(group["lr"]) for group in optimizer.param_groups), default=0.0)
        if not self._proved and self.rank == 0 and self._rate > 0 and not self._unmoved:
            self._step_one = StepOne()
            self._step_one.before(self._model, optimizer)
        elif self._probe is not None and self._probe_due():
            started, self._probed_at = time.perf_counter(), self.step + 1
            self._probe.before()
            self._probing = True
            self._probe_seconds += time.perf_counter() - started

    def _probe_due(self) -> bool:
        spent = self._probe_seconds
        early = self.step + 1 >= PROBE_SPACING * self._probed_at and spent <= PROBE_START
        return early or spent <= PROBE_SHARE * self._elapsed()

    @guarded
    def after_update(self, *, skipped: bool = False) -> None:
        """The optimizer has stepped, or has `skipped` the step, which proves nothing then."""
        if skipped:
            self._step_one, self._probing = None, False
        elif self._step_one is not None:
            proof, self._step_one, self._proved = self._step_one, None, True
            self._write(
                "step_one",
                step=self.step + 1,
                learning_rate=self._rate,
                first_loss=None if self._first_loss is None else float(self._first_loss),
                classes=self._classes,
                tensors=proof.after(self._model),
            )
        elif self._probing and self._probe is not None:
            self._probing = False
            started = time.perf_counter()
            seen = self._probe.after(self._optimizer)
            if seen is not None:
                self._pending.put("layers", self.step + 1, *seen)
            self._probe_seconds += time.perf_counter() - started

    @guarded
    def step_ends(self, step: int, *, skipped: bool | None = None, **known: float) -> None:
        """An optimizer step is done; `known` are numbers of it that the adapter has."""
        if self._recorder is None:
            return
        self.step = step
        now = time.perf_counter()
        began = self._step_began or self._step_ended
        numbers = {
            "step_seconds": now - began,
            "data_seconds": max(0.0, began - self._step_ended),
            **known,
        }
        mode = self._seen.evaluation_mode
        if mode is not None:
            numbers["evaluation_mode"] = mode
        if self._seen.input_tokens:
            numbers["input_tokens"] = float(self._seen.input_tokens)
        if skipped is not None and not self._seen.scaled:
            numbers["skipped"] = float(skipped)
        self._pending.put("steps", step, *self._seen.numbers(), known=tuple(numbers.items()))
        self._seen, self._unmoved = StepRecord(), False
        self._called = not self._hooked
        self._step_began, self._step_ended = 0.0, now
        self._take(wait=False)
        due = len(self._waiting) >= FLUSH_STEPS or now - self._flushed >= FLUSH_SECONDS
        if self._waiting and due:
            self._flush()

    @guarded
    def passed(self, what: str, step: int) -> None:
        """What took the time since the last step or the last call was `what`, no waiting for data.

        `what` is the column's name, evaluation_seconds or saving_seconds, or "" for neither. What
        happens several times at a step is added up.
        """
        now = time.perf_counter()
        if what and self._recorder is not None:
            earlier = self._spent.get(what, (step, 0.0))
            seconds = now - self._step_ended + (earlier[1] if earlier[0] == step else 0.0)
            self._spent[what] = (step, seconds)
            self._flush()
            self._write("log", step=step, values={what: seconds})
            self._put_shares(self._eval_shares, step)
        self._step_ended = now

    @guarded
    def log(
        self, step: int, values: Mapping[str, Any], *, losses: bool = True, waited: bool = True
    ) -> None:
        """Record what the trainer logged, with what it leaves out, and let the checks look.

        Where the trainer itself has `waited` for its device, what is still open is taken too.
        With `losses` the step losses since the last log are summed up.
        """
        if self._recorder is None:
            return
        if losses:
            self._put_shares(self._shares, step)
        self._take(wait=waited)
        self._flush()
        plain = {name: value for name, value in values.items() if isinstance(value, int | float)}
        if losses:
            plain |= self._since_last_log()
            if "loss" not in plain and "raw_loss" in plain:
                plain["loss"] = plain["raw_loss"]
        self._write("log", step=step, values=plain)
        self._look(step)
        self._step_ended = time.perf_counter()

    @guarded
    def saved(self, step: int, saved_steps: Sequence[int]) -> None:
        """A checkpoint was written; `saved_steps` are those that lie on disk now."""
        self._write("saved", step=step, saved_steps=list(saved_steps))

    @guarded
    def intervened(self, step: int, kind: str, text: str) -> None:
        """Record what a guard did to the run."""
        if kind in {"skip", "back"}:
            # The update of this step is not taken: it proves nothing about what moves.
            self._step_one = None
        self._flush()
        self._write("intervention", step=step, kind=kind, text=text)

    @guarded
    def step_anew(self) -> None:
        """Forget what was seen of the present step: a guard begins it once more."""
        self._seen = StepRecord()

    @guarded
    def end(self, *, reason: str = "finished", **said: Any) -> None:  # noqa: ANN401
        """Judge the whole run, write the document, close the run folder."""
        undo, self._undo = self._undo, []
        for remove in undo:
            remove()
        if self._recorder is None:
            return
        try:
            self._take(wait=True)
            self._flush()
            self._write("end", reason=reason, watch_seconds=round(self.cost, 6), **said)
            if self.examiner is not None:
                self.examiner.finish(int(said.get("step") or self.step))
        finally:
            recorder, self._recorder = self._recorder, None
            recorder.close()
        if self._planned is not None:
            self._planned.learn(self.folder)

    # -- what is seen ----------------------------------------------------------------------------

    @guarded
    def _on_batch(self, module: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:  # noqa: ANN401, ARG002
        """Note the first batch of a step, before the model can change it."""
        if self.blind:
            return
        if not torch.is_grad_enabled():
            self._judged_from = self._judged_from or time.perf_counter()
            return
        if self._infer and self._judged_from:
            self._record_judging()
        if not self._step_began:
            self._step_began = time.perf_counter()
        self.saw_batch(batches.tensors_of(arguments, named))

    def _record_judging(self) -> None:
        """What ran without gradients between two steps was an evaluation."""
        began, self._judged_from = self._judged_from, 0.0
        seconds = self._judged_until - began
        self._write("log", step=self.step, values={"evaluation_seconds": seconds})
        self._put_shares(self._eval_shares, self.step)
        self._step_ended += seconds

    @guarded
    def saw_batch(self, batch: Mapping[str, Any]) -> None:
        """The model of this run is about to be trained on a batch."""
        self._called = True
        self._seen.add_batch(batch)

    @guarded
    def _on_forward(
        self,
        module: Any,  # noqa: ANN401
        arguments: tuple[Any, ...],
        named: dict[str, Any],
        outputs: Any,  # noqa: ANN401
    ) -> None:
        if self.blind:
            return
        training = torch.is_grad_enabled()
        if training:
            self.mode = bool(module.training)
        else:
            self._judged_until = time.perf_counter()
        seen = batches.classified(batches.tensors_of(arguments, named), outputs)
        if seen is not None and self._classes is not None:
            shares = self._shares if training else self._eval_shares
            shares.add(*seen, self._classes)

    @guarded
    def _on_backward(self, loss: torch.Tensor) -> None:
        """Keep the raw loss on its device, without waiting for it."""
        if loss.numel() != 1 or not self._called or self.blind:
            return  # of another model, where a training before this one was given up
        seen = loss.detach().reshape(())
        if self._first_loss is None:
            self._first_loss = seen.clone()
        self._seen.add_loss(seen, training=self.mode, scaler=self._scaler)

    @guarded
    def _on_optimizer(self, optimizer: Any, arguments: Any, named: Any) -> None:  # noqa: ANN401, ARG002
        """A fused optimizer is called for every step; the scaler tells it which ones to leave out.

        It is not in what accelerate calls `step_was_skipped`.
        """
        overflowed = getattr(optimizer, "found_inf", None)
        if not isinstance(overflowed, torch.Tensor):
            return
        self._seen.add_scaled(overflowed)
        # Reading it waits for the device, so it is read for the step that is proved alone.
        if not self._proved and float(overflowed) > 0:
            self._step_one, self._unmoved = None, True

    # -- what is written -------------------------------------------------------------------------

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _take(self, *, wait: bool) -> None:
        for kind, step, values in self._pending.take(wait=wait):
            if kind != "steps":
                self._flush()
                self._write(kind, step=step, values=values)
                continue
            self._waiting.append((step, values))
            if "step_loss" in values:
                self._window.append(values["step_loss"])
                if not self._counted and not finite(values["step_loss"]):
                    self._counted = self._urgent = True
                    counts = census(self._model, self._optimizer)
                    self._write("layers", step=step, values=counts)

    def _flush(self) -> None:
        """Write the steps that are complete, as columns."""
        if not self._waiting:
            return
        self._flushed = time.perf_counter()
        waiting, self._waiting = self._waiting, []
        self._write("steps", **as_columns(waiting))

    def _since_last_log(self) -> dict[str, float]:
        """Means and counts over the steps since the last log."""
        losses, self._window = self._window, []
        steps = max(1, self.step - self._before)
        values = {"watch_seconds": (self.cost - self._cost_then) / steps, **memory_in_use()}
        self._before, self._cost_then = self.step, self.cost
        if losses:
            values["raw_loss"] = sum(losses) / len(losses)
            values["nonfinite_losses"] = float(sum(not finite(loss) for loss in losses))
        return values

    def _put_shares(self, shares: Shares, step: int) -> None:
        taken = shares.take()
        if taken is not None:
            self._pending.put("log", step, *taken)

    def _write(self, event: str, **values: Any) -> None:  # noqa: ANN401
        if self._recorder is None:
            return
        written = self._recorder.write(event, **values)
        if self.examiner is not None:
            self.examiner.add(written)

    def _look(self, step: int) -> None:
        urgent, self._urgent = self._urgent, False
        if self.examiner is not None and self.examiner.look(step, self._elapsed(), urgent=urgent):
            self.stopped = True

    def broke(self, where: str, error: Exception) -> None:
        """Record what went wrong in here, and say the first of it; stop where even that fails."""
        try:
            if not self._broken and self.examiner is not None:
                self._broken = True
                self.examiner.say(
                    f"the watcher failed in {where.strip('_')} ({type(error).__name__}: {error}); "
                    "training goes on, and not all of it is watched"
                )
            if self._recorder is not None:
                self._recorder.write(
                    "broken", where=where, error=f"{type(error).__name__}: {error}"
                )
        except Exception:  # noqa: BLE001  a full disk must not end the run either
            self._recorder = None
