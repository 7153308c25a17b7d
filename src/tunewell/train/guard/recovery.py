"""Judge every step before its update is taken; go back where the weights were harmed."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from transformers import TrainerCallback

from tunewell.core.words import counted
from tunewell.train.guard.again import Again, Rewind, loss_here_and_then, measured
from tunewell.train.guard.kept import Kept
from tunewell.train.guard.losses import StepLosses
from tunewell.train.guard.memory import give_back, in_short, is_out_of_memory
from tunewell.train.guard.states import State
from tunewell.train.guard.steps import Step, Steps

Remedy = Literal["skip", "lower-rate", "stop"]
LOWER = 0.5
"""The learning rate is multiplied by this."""

IN_A_ROW = 3
"""Steps one after another without a finite loss after which leaving them out is no remedy."""

CERTAIN = 3.0
"""Standard deviations of the run's scatter by which a rise must exceed what an older state gives on
the same batches."""


class Recovery(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Stands in for the optimizer's `step`, and goes back at the end of a step where it must.

    Args:
        trainer: what trains.
        steps: the guarded steps.
        event: told what is done, as a kind and a sentence.
        note: told what is no intervention.
        memory: whether to go on where memory does not suffice.
        not_finite: what to do about losses, gradients and weights that are not finite.
        spike: what to do about a loss that rises and stays up.
        most: interventions on values, in all.
        every: steps between two copies of the state, at least.
        share: share of the run's time that copies may take.
    """

    def __init__(  # noqa: PLR0913  each is an option of the guard
        self,
        trainer: Any,  # noqa: ANN401
        steps: Steps,
        *,
        event: Callable[[str, str], None],
        note: Callable[[str], None],
        memory: bool,
        not_finite: Remedy | None,
        spike: Remedy | None,
        most: int,
        every: int,
        share: float,
    ) -> None:
        self.trainer = trainer
        self.steps = steps
        self.event = event
        self.note = note
        self.memory = memory
        self.not_finite = not_finite
        self.spike = spike
        self.most = most
        self.every = every
        self.share = share
        self.losses = StepLosses()
        self.kept: Kept | None = None
        self.factor = 1.0
        self.seconds = 0.0
        self._done = 0
        self._in_a_row = 0
        self._harmed = False
        self._risen = False
        self._exploded = False
        self._anew = False
        self._stop = False
        self._optimizer_step: Any = None

    # -- the run's events ------------------------------------------------------------------------

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Keep the state that the run begins with; judge what its optimizer is asked."""
        began = time.perf_counter()
        self.kept = Kept(self.trainer, self.note, every=self.every, share=self.share)
        self.kept.save_if_due(state.global_step, self.factor, quiet=True)
        self.seconds += time.perf_counter() - began
        self._optimizer_step = self.trainer.optimizer.step

        # With the marks of the original: without them a scheduler of torch warns at its first step.
        @functools.wraps(self._optimizer_step)
        def judged(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            return self.optimizer_step(*arguments, **named)

        self.trainer.optimizer.step = judged

    def detach(self) -> None:
        """Give the optimizer its own step back."""
        if self._optimizer_step is not None:
            vars(self.trainer.optimizer).pop("step", None)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002
        """The step is whole: go back if it must be, else remember it and copy the state if due."""
        began = time.perf_counter()
        step = self.steps.step
        if self.kept is not None:
            self.kept.add(step)
            if self._harmed:
                self._mend_weights(step.number)
            elif self._risen or self._exploded:
                self._mend_rise(step.number)
            if self._anew:
                # What was kept was computed with another learning rate.
                self.kept.start_anew(step.number, self.factor)
            else:
                well = self.losses.quiet and not step.left_out and not self._stop
                self.kept.save_if_due(step.number, self.factor, quiet=well)
        self._harmed = self._risen = self._exploded = self._anew = False
        if self._stop:
            control.should_training_stop = True
        self.seconds += time.perf_counter() - began
        return control

    # -- before the update -----------------------------------------------------------------------

    def clip(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """The accelerator's clipping, with the norm remembered and one more try after a want."""

        def clipped(parameters: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            parameters = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
            try:
                norm = original(parameters, *args, **kwargs)
            except RuntimeError as error:
                if not self.memory or not is_out_of_memory(error):
                    raise
                give_back(error)
                norm = original(parameters, *args, **kwargs)
            self.steps.step.norm = norm
            return norm

        return clipped

    def optimizer_step(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Take the update unless the step's loss or gradient is not finite."""
        began = time.perf_counter()
        step = self.steps.step
        loss, norm = measured(self.trainer, step)
        bad = not math.isfinite(loss) or not math.isfinite(norm)
        if bad and self.not_finite is not None:
            step.left_out = True
            self._leave_out(step, loss, norm)
            self.seconds += time.perf_counter() - began
            if self.trainer.accelerator.scaler is None or self._harmed or self._exploded:
                return None
            # fp16's scaler takes no such update either, and has to be told of every step.
            return self._optimizer_step(*args, **kwargs)
        self._in_a_row = 0
        self._risen = self.spike is not None and not bad and self.losses.add(step.number, loss)
        self.seconds += time.perf_counter() - began
        if not self.memory:
            return self._optimizer_step(*args, **kwargs)
        return self._with_memory(step, args, kwargs)

    def _leave_out(self, step: Step, loss: float, norm: float) -> None:
        assert self.kept is not None  # noqa: S101  set when training began
        if not self.kept.trained.finite():
            self._harmed = True
            return
        if not math.isfinite(loss) and self._older_weights_do(step):
            self._exploded = True
            return
        what = (
            f"a loss of {loss:.4g}" if not math.isfinite(loss) else f"a gradient of norm {norm:.4g}"
        )
        which = self.steps.rows_not_finite()
        self._in_a_row += 1
        kept = "the update was not taken, weights and optimizer are as before"
        if self._spent() or self._in_a_row >= IN_A_ROW or self.not_finite == "stop":
            many = f", the {counted(self._in_a_row, 'such step')} in a row" * (self._in_a_row > 1)
            self._end(
                f"its batches gave {what}{which}{many}; {kept} and the run was stopped: look at "
                "these rows and at the loss function before training again"
            )
            return
        self.event("skip", f"its batches gave {what}{which}; {kept}, and the run goes on")
        if self.not_finite == "lower-rate":
            self._lower()

    def _with_memory(self, step: Step, args: Any, kwargs: Any) -> Any:  # noqa: ANN401
        """The update; where memory ends in it, once more with less of it."""
        assert self.kept is not None  # noqa: S101  set when training began
        trained = self.kept.trained
        began = time.perf_counter()
        before = trained.versions()
        without = [p for p in trained.parameters if not trained.optimizer.state.get(p)]
        self.seconds += time.perf_counter() - began
        try:
            return self._optimizer_step(*args, **kwargs)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            give_back(error)
            said = in_short(error)
            for group in trained.optimizer.param_groups:
                if "foreach" in group:
                    # One tensor at a time: the room needed beside is that of the largest one.
                    group["foreach"], group["fused"] = False, None
            touched = any(tensor._version != version for tensor, version in before)  # noqa: SLF001
            for parameter in without:
                trained.optimizer.state.pop(parameter, None)
            if not touched:
                self.event(
                    "smaller-batch",
                    f"out of memory in the optimizer ({said}), before anything was changed; its "
                    "update was computed once more, one tensor at a time, as all that follow",
                )
                return self._optimizer_step(*args, **kwargs)
            state = self.kept.newest(step.number - 1)
            if state is None or not step.repeatable:
                error.add_note("tunewell: the update was half taken and no earlier state is kept")
                raise
            self._again(state, [*self.kept.since(state), step], schedule_last=False)
            self.event(
                "back",
                f"out of memory in the optimizer ({said}) when its update was half taken; went "
                f"back to the state after step {state.step:,} and computed "
                f"{counted(step.number - state.step, 'step')} again with the same batches, "
                "updating one tensor at a time",
            )
            return None

    # -- going back ------------------------------------------------------------------------------

    def _again(self, state: State, steps: Sequence[Step], **how: Any) -> Again:  # noqa: ANN401
        assert self.kept is not None  # noqa: S101  set when training began
        rewind = Rewind(self.trainer, self.steps, self.kept, self._optimizer_step)
        return rewind.again(state, steps, factor=self.factor, **how)

    def _mend_weights(self, now: int) -> None:
        """Weights that are not finite: compute the steps since a good state again, and find why."""
        assert self.kept is not None  # noqa: S101  set when training began
        state = self.kept.newest(now - 1)
        steps = [] if state is None else self.kept.since(state)
        if state is None:
            self._end("weights are not finite and no good state is kept: train anew from the start")
            return
        for step in steps:
            step.left_out = step.left_out and step.number != now
        spent = self._spent()
        if spent or self.not_finite == "stop" or not all(step.repeatable for step in steps):
            self.kept.trained.load(state)
            self._end(
                f"weights were not finite; those of the state after step {state.step:,} were put "
                f"back and the run was stopped{self._how_often(spent=spent)}"
            )
            return
        lowered = ""
        if self.not_finite == "lower-rate":
            self.factor *= LOWER
            self._anew = True
            lowered = f" at {LOWER:g} of the learning rate"
        again = self._again(state, steps, look=True)
        back = (
            f"weights were not finite; went back to the state after step {state.step:,} and "
            f"computed {counted(now - state.step, 'step')} again with the same batches{lowered}"
        )
        if again.broke_at is None:
            self.event(
                "back", f"{back}: this time all stayed finite, so the cause lies outside of them"
            )
        else:
            broke = {again.broke_at}
            while again.broke_at is not None and len(broke) <= IN_A_ROW:
                again = self._again(state, steps, leave_out=frozenset(broke), look=True)
                if again.broke_at is not None:
                    broke.add(again.broke_at)
            self._mark(steps, broke)
            named = ", ".join(f"{number:,}" for number in sorted(broke))
            self.event("back", f"{back}: the update of step {min(broke):,} made them so again")
            self.event(
                "skip", f"left out step {named}, whose update gave weights that are not finite"
            )
            if again.broke_at is not None:
                self.kept.trained.load(state)
                self._end(
                    f"leaving out {counted(len(broke), 'step')} did not help; the state after step "
                    f"{state.step:,} was put back and the run was stopped"
                )
        if lowered:
            self._say_lowered()

    def _older_weights_do(self, step: Step) -> bool:
        """Whether an older state has a finite loss on a step, and the present weights have none."""
        assert self.kept is not None  # noqa: S101  set when training began
        high = self.losses.high
        state = self.kept.before(high[0][0] if high else step.number)
        if state is None or not step.repeatable:
            return False
        here, then = self._loss_here_and_then(state, [step])
        return math.isfinite(then) and not math.isfinite(here)

    def _mend_rise(self, now: int) -> None:
        """A loss that rose and stayed up: is it the weights, and does it come back?"""
        assert self.kept is not None  # noqa: S101  set when training began
        high = [*self.losses.high, *([(now, math.inf)] if self._exploded else [])]
        first, bound, scatter = high[0][0], self.losses.bound, self.losses.scatter
        state = self.kept.before(first)
        steps = [] if state is None else self.kept.since(state)
        if state is None or not steps or not all(step.repeatable for step in steps):
            self.losses.accept_rise()
            return
        here, then = self._loss_here_and_then(state, [s for s in steps if s.number >= first])
        if not self._exploded and not here > then + CERTAIN * scatter:
            # The older weights do no better on these batches: they are hard, nothing was harmed.
            self.losses.accept_rise()
            return
        self.kept.newest(state.step)
        rose = f"rose to {np.median([loss for _, loss in high]):.4g}"
        if self._exploded:
            rose = "grew out of all numbers"
        usual = f", where {self.losses.level:.4g} was usual with a scatter of {scatter:.2g}"
        went = (
            f"loss {rose} in steps {first:,} to {now:,}{usual * math.isfinite(bound)}; on the "
            f"same batches the weights of step {state.step:,} have a loss of {then:.4g}, the "
            f"present ones {here:.4g}; went back to the state after step {state.step:,}"
        )
        spent = self._spent()
        remedy = self.not_finite if self._exploded else self.spike
        if spent or remedy == "stop":
            self._again(state, [step for step in steps if step.number < first - 1])
            self._end(
                f"{went}, came up to step {first - 2:,} and stopped the run"
                f"{self._how_often(spent=spent)}"
            )
            return
        for step in steps:
            # What was left out for the weights' sake is no fault of its batches.
            step.left_out = step.left_out and not (self._exploded and step.number >= first)
        again = f"{went} and computed {counted(now - state.step, 'step')} again"
        if remedy == "lower-rate":
            self.factor *= LOWER
            self._anew = True
            again += f" at {LOWER:g} of the learning rate"
        losses = self._again(state, steps).losses
        back = [loss for number, loss in losses.items() if number >= first]
        if all(map(math.isfinite, back)) and not np.median(back) > bound:
            lies = "" if self._anew else ", so its cause lies outside of them"
            self.event("back", f"{again}: the rise did not come back{lies}")
        else:
            harmful = range(first - 1, now + 1)
            self._again(state, steps, leave_out=frozenset(harmful))
            self._mark(steps, set(harmful))
            self.event("back", f"{again}: the rise came back")
            self.event("skip", f"left out steps {first - 1:,} to {now:,}, in which it rose")
        if self._anew:
            self._say_lowered()
        self.losses.forget_rise()

    def _loss_here_and_then(self, state: State, steps: list[Step]) -> tuple[float, float]:
        assert self.kept is not None  # noqa: S101  set when training began
        return loss_here_and_then(self.steps, self.kept.trained.tensors(), state, steps)

    # -- what is done and said -------------------------------------------------------------------

    @staticmethod
    def _mark(steps: Sequence[Step], numbers: set[int]) -> None:
        for step in steps:
            step.left_out = step.left_out or step.number in numbers

    def _spent(self) -> bool:
        """Count an intervention; whether there were too many before it."""
        self._done += 1
        return self._done > self.most

    def _how_often(self, *, spent: bool) -> str:
        return f", after {counted(self.most, 'intervention')} that did not last" if spent else ""

    def _lower(self) -> None:
        assert self.kept is not None  # noqa: S101  set when training began
        self.factor *= LOWER
        self.kept.trained.lower_rate(LOWER)
        self._anew = True
        self._say_lowered()

    def _say_lowered(self) -> None:
        self.event(
            "lower-rate", f"the learning rate is {self.factor:g} of the planned one from here on"
        )

    def _end(self, text: str) -> None:
        self._stop = True
        self.event("stop", text)
