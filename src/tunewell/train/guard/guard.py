"""Guard a training: go on where it would have died, go back where it was harmed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, get_args

from tunewell.core.errors import SettingsError, UserError
from tunewell.subjects.trace import Intervention
from tunewell.train.guard.kept import EVERY, SHARE
from tunewell.train.guard.memory import ADVICE, give_back, in_short, is_out_of_memory
from tunewell.train.guard.overfit import Overfitting
from tunewell.train.guard.parts import Tally
from tunewell.train.guard.recovery import Recovery, Remedy
from tunewell.train.guard.states import RandomStates
from tunewell.train.guard.steps import Steps
from tunewell.train.observer.announce import announce_on_stderr
from tunewell.train.watch import Watch

MISSING = object()
LOMO = ("lomo", "adalomo")


class Guard:
    """Trains a Hugging Face or TRL trainer and recovers from what would end or harm the run.

    ::

        guard = tunewell.Guard()
        guard.train(trainer)            # in place of trainer.train()

    A callback could not do it: an error raised inside `train()` reaches no callback. While `train`
    runs, the guard stands in for some methods of this one trainer; afterwards it is as before.

    Args:
        out_of_memory: compute batches in parts where memory does not suffice, with the same rows
            and the same gradient.
        not_finite: what to do where loss, gradient or weights are not finite: "skip" leaves the
            step out, "lower-rate" also halves the learning rate, "stop" ends the run; None leaves
            it alone. Weights that were harmed are those of an earlier state afterwards.
        spike: the same for a loss that rises far above its own scatter and stays there.
        overfitting: evaluations past the lowest evaluation loss that end the run, and the best
            weights are put back; None lets it go on.
        most: interventions on values in one run, before it is stopped.
        announce: told each intervention as a line; None keeps silent. Standard error by default.

    Attributes:
        interventions: what was done in the last run, in order.
        seconds: what guarding the last run took, without what was computed again.
    """

    def __init__(
        self,
        *,
        out_of_memory: bool = True,
        not_finite: Remedy | None = "skip",
        spike: Remedy | None = "skip",
        overfitting: int | None = 2,
        most: int = 10,
        announce: Callable[[str], None] | None = announce_on_stderr,
    ) -> None:
        for name, remedy in (("not_finite", not_finite), ("spike", spike)):
            if remedy is not None and remedy not in get_args(Remedy):
                message = f"{name} {remedy!r} is none of skip, lower-rate, stop and None"
                raise SettingsError(message)
        if overfitting is not None and overfitting < 1:
            message = f"overfitting {overfitting} is no number of evaluations: give 1 or more"
            raise SettingsError(message)
        self.out_of_memory = out_of_memory
        self.not_finite = not_finite
        self.spike = spike
        self.overfitting = overfitting
        self.most = most
        self.announce = announce
        self.every = EVERY
        self.share = SHARE
        self.snapshot_seconds = 60.0
        self.interventions: tuple[Intervention, ...] = ()
        self.seconds = 0.0
        self._watch: Watch | None = None
        self._trainer: Any = None

    def train(self, trainer: Any, **named: Any) -> Any:  # noqa: ANN401
        """`trainer.train(**named)`, guarded; it returns what that returns.

        A trainer without `tunewell.Watch` gets one for this run, so that what is done is recorded.

        Raises:
            UserError: if the trainer is of a kind that cannot be guarded.
        """
        _require_guardable(trainer)
        self.interventions, self.seconds, self._trainer = (), 0.0, trainer
        callbacks = trainer.callback_handler.callbacks
        self._watch = next((c for c in callbacks if isinstance(c, Watch)), None)
        added = self._watch is None
        if self._watch is None:
            self._watch = Watch(announce=self.announce)
            trainer.add_callback(self._watch)
        try:
            with self._attached(trainer, self._watch):
                return trainer.train(**named)
        except BaseException as error:
            if self.out_of_memory and is_out_of_memory(error):
                self._last_words(error)
            if added:
                self._watch.close(reason=type(error).__name__)
            raise
        finally:
            if added:
                trainer.remove_callback(self._watch)
            self._trainer = None

    @contextlib.contextmanager
    def _attached(self, trainer: Any, watch: Watch) -> Iterator[None]:  # noqa: ANN401
        steps = Steps(
            trainer,
            memory=self.out_of_memory,
            event=lambda kind, text: self._event(steps.step.number, kind, text),
            watch=watch,
        )
        recovery = Recovery(
            trainer,
            steps,
            event=steps.event,
            note=self._note,
            memory=self.out_of_memory,
            not_finite=self.not_finite,
            spike=self.spike,
            most=self.most,
            every=self.every,
            share=self.share,
        )
        mine: list[Any] = [recovery]
        if self.overfitting is not None:
            mine.append(Overfitting(trainer, self.overfitting, self._event_here))
        accelerator = trainer.accelerator
        swaps: list[tuple[Any, str, Callable[..., Any]]] = [
            (trainer, "get_batch_samples", steps.get_batch_samples),
            (trainer, "training_step", steps.training_step),
            (trainer, "evaluate", self._evaluate_within(trainer, trainer.evaluate)),
            (accelerator, "backward", steps.backward),
            (accelerator, "clip_grad_norm_", recovery.clip(accelerator.clip_grad_norm_)),
        ]
        before = [(thing, name, vars(thing).get(name, MISSING)) for thing, name, _ in swaps]
        callbacks = trainer.callback_handler.callbacks
        # In front: what others see at the end of a step is the state after mending.
        callbacks[:0] = mine
        try:
            for thing, name, new in swaps:
                setattr(thing, name, new)
            yield
        finally:
            for thing, name, old in before:
                if old is MISSING:
                    delattr(thing, name)
                else:
                    setattr(thing, name, old)
            recovery.detach()
            for callback in mine:
                callbacks.remove(callback)
            self.seconds = recovery.seconds + steps.seconds

    def _evaluate_within(self, trainer: Any, original: Callable[..., Any]) -> Callable[..., Any]:  # noqa: ANN401
        """Evaluation with half the rows at once, where memory does not suffice."""

        def evaluate(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            loaders = trainer.accelerator.gradient_state
            while True:
                random, tally = RandomStates(), Tally(trainer)
                references = list(loaders.dataloader_references)
                try:
                    return original(*args, **kwargs)
                except Exception as error:
                    rows = trainer.args.per_device_eval_batch_size
                    if not self.out_of_memory or not is_out_of_memory(error) or rows <= 1:
                        raise
                    give_back(error)
                    random.put_back()
                    tally.put_back()
                    loaders.dataloader_references = references
                    trainer.args.per_device_eval_batch_size = rows // 2
                    # Predictions wait on the host from now on; that changes no number.
                    if trainer.args.eval_accumulation_steps is None:
                        trainer.args.eval_accumulation_steps = 1
                    getattr(trainer, "_eval_dataloaders", {}).clear()
                    self._event_here(
                        "smaller-batch",
                        f"out of memory in the evaluation ({in_short(error)}); it was begun "
                        f"anew with {rows // 2} rows at once in place of {rows}",
                    )

        return evaluate

    def _last_words(self, error: BaseException) -> None:
        if not any("tunewell" in note for note in getattr(error, "__notes__", ())):
            text = f"out of memory where the guard cannot go on: {ADVICE}"
            error.add_note(f"tunewell: {text}")
            self._event_here("stop", text)

    def _event_here(self, kind: str, text: str, *, kept_step: int | None = None) -> None:
        """Record an intervention after the last step that is over."""
        self._event(self._trainer.state.global_step, kind, text, kept_step=kept_step)

    def _event(self, step: int, kind: str, text: str, *, kept_step: int | None = None) -> None:
        """Record an intervention, and say it."""
        self.interventions += (Intervention(step, kind, text),)
        if self._watch is not None:
            self._watch.intervened(step, kind, text, kept_step=kept_step)
        self._note(f"step {step}: {kind}: {text}")

    def _note(self, line: str) -> None:
        if self.announce is not None:
            self.announce(line)


def _require_guardable(trainer: Any) -> None:  # noqa: ANN401
    """Refuse what one process cannot mend alone.

    Raises:
        UserError: with the reason.
    """
    args = trainer.args
    if args.world_size > 1 or args.n_gpu > 1:
        count = max(args.world_size, args.n_gpu)
        why = f"{count} devices train together and would have to agree on every step"
    elif args.deepspeed or args.fsdp:
        why = "DeepSpeed and FSDP keep weights and optimizer states where it cannot copy them"
    elif getattr(args.optim, "value", args.optim) in LOMO:
        why = f"{args.optim} changes weights while gradients are computed"
    else:
        return
    message = f"the guard cannot guard this training: {why}; train without it"
    raise UserError(message)
