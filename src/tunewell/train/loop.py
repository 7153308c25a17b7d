"""Watch a loop in plain PyTorch: `with tunewell.watch(model, optimizer) as run:`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from tunewell.core.document import Document
from tunewell.train.observer.announce import announce_on_stderr
from tunewell.train.observer.described import described
from tunewell.train.observer.examiner import Examiner
from tunewell.train.observer.hooks import harmless
from tunewell.train.observer.observer import Observer
from tunewell.train.observer.planned import Planned

FOLDER = "tunewell-run"


class LoopWatch:
    """A run of a plain loop; made by `watch`."""

    def __init__(
        self,
        model: Any,  # noqa: ANN401
        optimizer: Any,  # noqa: ANN401
        observer: Observer,
        *,
        log_every: int,
        begin: Callable[[Observer], None],
        scaler: Any = None,  # noqa: ANN401
    ) -> None:
        self._model = model
        self._optimizer = optimizer
        self._scaler = scaler
        self._observer = observer
        self._log_every = log_every
        self._begin = begin
        self._undo: list[Callable[[], Any]] = []
        self._logged_at = 0
        self._updates = 0

    def __enter__(self) -> Self:
        """Begin to look."""
        self._start()
        return self

    @harmless
    def _start(self) -> None:
        self._begin(self._observer)
        self._logged_at = self._observer.step
        self._undo = [
            self._optimizer.register_step_pre_hook(self._before).remove,
            self._optimizer.register_step_post_hook(self._after).remove,
        ]
        if self._scaler is not None and self._scaler.is_enabled():
            self._undo.append(self._follow_scaler())

    def _follow_scaler(self) -> Callable[[], None]:
        """See the steps that the scaler leaves out: it never calls the optimizer for them.

        `step` is replaced on this scaler alone, until the run ends.
        """
        scaler, step = self._scaler, self._scaler.step

        @functools.wraps(step)
        def stepped(optimizer: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
            before = self._updates
            made = step(optimizer, *arguments, **named)
            if optimizer is self._optimizer and self._updates == before:
                self._step_ends(skipped=True)
            return made

        scaler.step = stepped

        def undo() -> None:
            # Another tool may have put its own function on top of ours: that one stays.
            if vars(scaler).get("step") is stepped:
                del scaler.step

        return undo

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run folder, with the error where one ended the run."""
        self._close("finished" if kind is None else kind.__name__)

    @harmless
    def _close(self, reason: str) -> None:
        undo, self._undo = self._undo, []
        for remove in undo:
            remove()
        step = self._observer.step
        self._log_step()
        self._observer.end(reason=reason, step=step, kept_step=step)

    @property
    def stopped(self) -> bool:
        """Whether a check named in `stop_on` has found something: `if run.stopped: break`."""
        return self._observer.stopped

    @property
    def step(self) -> int:
        """Optimizer steps so far."""
        return self._observer.step

    @property
    def document(self) -> Document | None:
        """What was found in the whole run; there once the run has ended."""
        path = self._observer.folder / "document.json"
        return Document.from_json(path.read_bytes()) if path.is_file() else None

    @harmless
    def log(self, values: Mapping[str, Any] | None = None, **named: Any) -> None:  # noqa: ANN401
        """Record metrics at the step reached, by the names of the Trainer: `eval_loss`, ...

        A tensor of one value is read; other values than numbers are left out.
        """
        whole = {**(values or {}), **named}
        numbers = {name: _number(value) for name, value in whole.items()}
        self._observer.log(self._observer.step, numbers, losses="loss" in numbers, waited=False)

    @harmless
    def _before(self, optimizer: Any, arguments: Any, named: Any) -> None:  # noqa: ANN401, ARG002
        self._updates += 1
        self._observer.before_update(optimizer)

    @harmless
    def _after(self, optimizer: Any, arguments: Any, named: Any) -> None:  # noqa: ANN401, ARG002
        self._observer.after_update()
        scaled = self._scaler is not None and self._scaler.is_enabled()
        self._step_ends(skipped=False if scaled else None)

    @harmless
    def _step_ends(self, *, skipped: bool | None) -> None:
        step = self._observer.step + 1
        self._observer.step_ends(step, skipped=skipped)
        if step - self._logged_at >= self._log_every:
            self._log_step()

    def _log_step(self) -> None:
        """Record what a trainer would log by itself."""
        step = self._observer.step
        if step == self._logged_at:
            return
        rate = max((float(group["lr"]) for group in self._optimizer.param_groups), default=0.0)
        self._observer.log(step, {"learning_rate": rate}, waited=False)
        self._logged_at = step


def watch(  # noqa: PLR0913  each says something of the run
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    out: str | Path = FOLDER,
    *,
    max_steps: int | None = None,
    train_rows: int | None = None,
    classes: int | None = None,
    settings: Mapping[str, Any] | None = None,
    scaler: Any = None,  # noqa: ANN401
    start_step: int = 0,
    log_every: int = 10,
    every: int = 50,
    stop_on: Collection[str] = (),
    announce: Callable[[str], None] | None = announce_on_stderr,
    prediction: str | Path | None = None,
) -> LoopWatch:
    """Watch a training loop in plain PyTorch.

    ::

        with tunewell.watch(model, optimizer, max_steps=len(loader)) as run:
            for batch in loader:
                optimizer.zero_grad()
                loss = loss_of(model(**batch))
                loss.backward()
                optimizer.step()
                if run.stopped:
                    break
            run.log(eval_loss=evaluate(model))

    The losses are those whose `backward` is called, so nothing has to be passed; with gradient
    accumulation each should be divided by the number of micro-batches, as is usual. Calls of the
    model without gradients are taken for an evaluation.

    Args:
        model: what is trained; also wrapped by DistributedDataParallel or `torch.compile`.
        optimizer: an optimizer step is a step of the run.
        out: the run folder.
        max_steps: optimizer steps of the whole run, for findings that need its length.
        train_rows: rows of the training data.
        classes: of a classifier, where the model has no configuration that says it. Its answers are
            counted then, and its labels where they are passed to the model as `labels`.
        settings: what the run was started with, by the names of TrainingArguments where one fits.
        scaler: the `torch.amp.GradScaler` of an fp16 run. The steps that it leaves out count as
            steps of the run.
        start_step: the step that a resumed run goes on from; 0 begins a new run folder.
        log_every: optimizer steps between two records of the mean loss and the learning rate.
        every: optimizer steps between two examinations, at least.
        stop_on: codes or names of checks, or a severity, whose finding sets `run.stopped`.
        announce: told each error and warning once, as a line; None keeps silent. Standard error by
            default.
        prediction: the file in which `tunewell plan` said what this run takes. What the finished
            run measured is added to `corrections.jsonl` beside it, which the next plan reads.

    Raises:
        SettingsError: if `stop_on` names a check that does not exist.
        UserError: if `prediction` cannot be read.
    """
    optimizer = _innermost(optimizer)
    group = torch.distributed.is_available() and torch.distributed.is_initialized()
    rank = torch.distributed.get_rank() if group else 0
    examiner = Examiner(every=every, stop_on=stop_on, announce=announce)
    observer = Observer(
        Path(out),
        examiner=examiner,
        rank=rank,
        infer_evaluation=True,
        planned=Planned.of(prediction),
    )

    told = {} if classes is None else {"classes": classes, "task": "classification"}

    def begin(seen: Observer) -> None:
        seen.begin(
            model,
            optimizer,
            scaler=scaler,
            step=start_step,
            framework="torch",
            world_size=torch.distributed.get_world_size() if group else 1,
            max_steps=max_steps,
            train_rows=train_rows,
            settings=dict(settings or {}),
            said=lambda: {**described(model), **told},
        )

    return LoopWatch(model, optimizer, observer, log_every=log_every, begin=begin, scaler=scaler)


def _innermost(optimizer: Any) -> Any:  # noqa: ANN401
    """The optimizer that steps: accelerate wraps it in one whose hooks cannot be used."""
    while isinstance(inner := getattr(optimizer, "optimizer", None), torch.optim.Optimizer):
        optimizer = inner
    return optimizer


def _number(value: Any) -> Any:  # noqa: ANN401
    """A tensor or array of one value as a number."""
    return value.item() if hasattr(value, "item") else value
