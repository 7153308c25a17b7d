"""One optimizer step under guard: remember its batches, compute them in parts, do it again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch

from tunewell.train.guard.memory import ADVICE, give_back, in_short, is_out_of_memory
from tunewell.train.guard.parts import (
    Reduction,
    Tally,
    alone,
    count_rows,
    find_reduction,
    row_weights,
    spans,
    take,
)
from tunewell.train.guard.states import RandomStates
from tunewell.train.watch import Watch

Event = Callable[[str, str], None]


@dataclass(slots=True, eq=False)
class Step:
    """The batches of one optimizer step and where the random numbers stood before it."""

    number: int
    batches: list[Any]
    items: Any
    random: RandomStates | None = None
    tally: Tally | None = None
    done: int = 0
    left_out: bool = False
    losses: list[torch.Tensor] = field(default_factory=list)
    norm: Any = None

    @property
    def bytes(self) -> int:
        """Bytes of its tensors."""
        return sum(
            value.numel() * value.element_size()
            for batch in self.batches
            if isinstance(batch, Mapping)
            for value in batch.values()
            if isinstance(value, torch.Tensor)
        )

    def to_host(self) -> None:
        """Hold its batches in host memory: an accelerator has none to spare."""
        self.batches = [
            {
                name: value.cpu() if isinstance(value, torch.Tensor) else value
                for name, value in batch.items()
            }
            if isinstance(batch, Mapping)
            else batch
            for batch in self.batches
        ]

    @property
    def repeatable(self) -> bool:
        """Whether its batches are plain mappings, so that computing them twice is the same."""
        return all(isinstance(batch, Mapping) for batch in self.batches)


class Steps:
    """Stands in for the trainer's `get_batch_samples`, `training_step` and `backward`.

    Args:
        trainer: what trains.
        memory: whether to go on where memory does not suffice.
        event: told what is done, as a kind and a sentence.
        watch: sees each step once, whatever is computed.
    """

    def __init__(self, trainer: Any, *, memory: bool, event: Event, watch: Watch) -> None:  # noqa: ANN401
        self.trainer = trainer
        self.memory = memory
        self.event = event
        self.watch = watch
        self.step = Step(0, [], None)
        self.most_rows: int | None = None
        self.reduction: Reduction | None = None
        self.seconds = 0.0
        self._share = 1.0
        self._trying: int | None = None
        self._get_batch_samples = trainer.get_batch_samples
        self._training_step = trainer.training_step
        self._backward = trainer.accelerator.backward

    # -- in place of the trainer's own -----------------------------------------------------------

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """The trainer's batches of the next optimizer step, remembered."""
        batches, items = self._get_batch_samples(*args, **kwargs)
        began = time.perf_counter()
        number = self.trainer.state.global_step + 1
        kept = [dict(batch) if isinstance(batch, Mapping) else batch for batch in batches]
        self.step = Step(number, kept, items)
        self.seconds += time.perf_counter() - began
        return batches, items

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401
        """One micro-batch, whole or in parts; where memory ends, the step so far once more."""
        step = self.step
        if step.done == 0:
            began = time.perf_counter()
            step.random, step.tally = RandomStates(), Tally(self.trainer)
            self.seconds += time.perf_counter() - began
        place, step.done = step.done, step.done + 1
        loss = self._with_retries(model, inputs, place, args, kwargs)
        step.losses.append(loss.detach())
        return loss

    def backward(self, loss: torch.Tensor, **kwargs: Any) -> Any:  # noqa: ANN401
        """The gradient of a part, by its share of the batch."""
        return self._backward(loss if self._share == 1 else loss * self._share, **kwargs)

    # -- parts and retries -----------------------------------------------------------------------

    def _with_retries(
        self,
        model: Any,  # noqa: ANN401
        inputs: Any,  # noqa: ANN401
        place: int,
        args: Any,  # noqa: ANN401
        kwargs: Any,  # noqa: ANN401
    ) -> torch.Tensor:
        again: list[Any] = []
        while True:
            try:
                for earlier in again:
                    self._micro_batch(model, earlier, args, kwargs)
                return self._micro_batch(model, inputs, args, kwargs)
            except Exception as error:
                if not self.memory or not is_out_of_memory(error):
                    raise
                give_back(error)
                # What the backward pass reached is in the gradients already: start the step anew.
                model.zero_grad(set_to_none=True)
                self._smaller(error, model, inputs)
                if self.step.random is not None and self.step.tally is not None:
                    self.step.random.put_back()
                    self.step.tally.put_back()
                self.watch.step_anew()
                again = self.step.batches[:place]

    def _micro_batch(self, model: Any, inputs: Any, args: Any, kwargs: Any) -> torch.Tensor:  # noqa: ANN401
        rows = count_rows(inputs) if self.memory else None
        self._trying = rows
        if rows is None or self.most_rows is None or rows <= self.most_rows:
            loss: torch.Tensor = self._training_step(model, inputs, *args, **kwargs)
            return loss
        weights = torch.ones(rows, dtype=torch.float64)
        if self.reduction is not Reduction.SUM and self.reduction is not None:
            weights = row_weights(self.trainer, inputs, self.reduction)
        whole = 1.0 if self.reduction is Reduction.SUM else float(weights.sum())
        total: torch.Tensor | None = None
        try:
            for part in spans(rows, self.most_rows):
                weight = 1.0 if self.reduction is Reduction.SUM else float(weights[part].sum())
                if weight == 0 and whole > 0:
                    continue  # nothing in it is learned from: its own mean would be 0 / 0
                self._trying = part.stop - part.start
                self._share = weight / whole if whole > 0 else self._trying / rows
                loss = self._training_step(model, take(inputs, part), *args, **kwargs)
                loss = loss.detach() * self._share
                total = loss if total is None else total + loss
        finally:
            self._share = 1.0
        if total is None:  # cannot be: the weights of the parts add up to the whole
            message = "no part of the batch was computed"
            raise RuntimeError(message)
        return total

    def _smaller(self, error: Exception, model: Any, inputs: Any) -> None:  # noqa: ANN401
        """Halve the rows computed at once, or raise the error with advice."""
        said, rows = in_short(error), self._trying
        if rows is None:
            self._give_up(error, "this trainer's batches are no tensors of rows that can be cut")
        if rows == 1:
            self._give_up(error, "a single row does not fit")
        if self.reduction is None:
            self.reduction = find_reduction(self.trainer, model, inputs, self.step.items)
        if self.reduction is None:
            self._give_up(
                error,
                "the loss of a batch is no mean or sum over its rows, so computing it in parts "
                "would change what is learned; set per_device_train_batch_size lower yourself",
            )
        self.most_rows = rows // 2
        first = count_rows(inputs) or rows
        self.event(
            "smaller-batch",
            f"out of memory with {rows} rows at once ({said}); from here on the batches of {first} "
            f"rows are computed in parts of at most {self.most_rows}, with the same rows in the "
            "same order, the same number of rows a step and the same gradient; this step was "
            "begun anew",
        )

    def _give_up(self, error: Exception, why: str) -> NoReturn:
        text = f"out of memory, and {why}: {ADVICE}"
        self.event("stop", text)
        error.add_note(f"tunewell: {text}")
        raise error

    # -- looks that change nothing ---------------------------------------------------------------

    def loss_without_trace(self, steps: list[Step]) -> float:
        """Mean loss of the batches of some steps under the weights as they are, without dropout."""
        model, losses = self.trainer.model_wrapped, []
        with alone(self.trainer, model) as loss_of:
            for step in steps:
                for batch in step.batches:
                    rows = count_rows(batch) or 1
                    parts = spans(rows, self.most_rows or rows)
                    losses += [loss_of(take(batch, part), step.items) for part in parts]
        return sum(losses) / len(losses)

    def rows_not_finite(self) -> str:
        """Which rows of the present step have a loss of their own that is not finite."""
        found, total = [], 0
        try:
            with alone(self.trainer, self.trainer.model_wrapped) as loss_of:
                for number, batch in enumerate(self.step.batches):
                    for row in range(count_rows(batch) or 0):
                        total += 1
                        loss = loss_of(take(batch, [row]), self.step.items)
                        if not torch.isfinite(torch.tensor(loss)):
                            found.append(f"row {row + 1} of micro-batch {number + 1}")
        except Exception:  # noqa: BLE001  evidence only: what cannot be looked at is not named
            return ""
        if not total:
            return ""
        if not found:
            return f"; each of its {total} rows alone has a finite loss"
        if len(found) == total:
            return f"; so has each of its {total} rows alone"
        named = ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")  # noqa: PLR2004
        return f"; {len(found)} of its {total} rows cause it: {named}"
