"""What is seen of one optimizer step, gathered on the model's device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tunewell.train.observer import batches
from tunewell.train.observer.pending import vector


class StepRecord:
    """Losses, trained tokens and the first batch's mark of a step that is going on.

    `input_tokens` counts what the model was given so far, padding included.
    """

    def __init__(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._scale: torch.Tensor | None = None
        self._tokens: list[torch.Tensor] = []
        self._attended: list[torch.Tensor] = []
        self._mark: torch.Tensor | None = None
        self._modes: list[bool] = []
        self._overflowed: torch.Tensor | None = None
        self.input_tokens = 0

    def add_batch(self, batch: Mapping[str, Any]) -> None:
        """Note a micro-batch, before the model can change it."""
        self.input_tokens += batches.input_places(batch)
        attended = batches.attended_places(batch)
        if attended is not None:
            self._attended.append(attended)
        tokens = batches.trained_tokens(batch)
        if tokens is not None:
            self._tokens.append(tokens)
        if self._mark is None:
            self._mark = batches.mark(batch)

    def add_loss(self, loss: torch.Tensor, *, training: bool, scaler: Any = None) -> None:  # noqa: ANN401
        """Note what is differentiated: the micro-batches' losses sum to the step's.

        A trainer that accumulates gradients divides each by their number before. `training` is
        the mode of the model that made it; `scaler` is that of fp16.
        """
        self._losses.append(loss)
        self._modes.append(training)
        scale = getattr(scaler, "_scale", None)
        if isinstance(scale, torch.Tensor) and scaler.is_enabled():
            # The scaler changes its scale in place when the step is over.
            self._scale = scale.detach().clone().reshape(())

    def add_scaled(self, overflowed: torch.Tensor) -> None:
        """Note if gradients overflowed (above 0), where the optimizer itself skips the step."""
        self._overflowed = (overflowed.detach().reshape(()) > 0).float()

    @property
    def scaled(self) -> bool:
        """Whether the optimizer itself said if it skips the step."""
        return self._overflowed is not None

    def numbers(self) -> tuple[list[str], torch.Tensor | None]:
        """Column names and a vector of their values, None where nothing was seen."""
        named: list[tuple[str, torch.Tensor]] = []
        if self._losses:
            whole = vector(self._losses).sum()
            named.append(("step_loss", whole if self._scale is None else whole / self._scale))
        if self._scale is not None:
            named.append(("loss_scale", self._scale))
        if self._overflowed is not None:
            named.append(("skipped", self._overflowed))
        if self._tokens:
            named.append(("trained_tokens", vector(self._tokens).sum()))
        if self._attended:
            named.append(("attended_tokens", vector(self._attended).sum()))
        if self._mark is not None:
            named.append(("batch_mark", self._mark))
        return [name for name, _ in named], vector([t for _, t in named]) if named else None

    @property
    def evaluation_mode(self) -> float | None:
        """1 where the model was trained and never in training mode; None where it was not seen."""
        return float(not any(self._modes)) if self._modes else None


def as_columns(steps: Sequence[tuple[int, Mapping[str, float]]]) -> dict[str, list[float | None]]:
    """Steps with their numbers as columns; None where a step lacks one."""
    names = list(dict.fromkeys(name for _, values in steps for name in values))
    columns = {name: [_short(values.get(name)) for _, values in steps] for name in names}
    return {"step": [step for step, _ in steps], **columns}


def finite(value: float) -> bool:
    """Whether a number is neither NaN nor infinite."""
    return abs(value) != float("inf") and value == value  # noqa: PLR0124  NaN is not itself


def _short(value: float | None) -> float | None:
    """Seven digits: what a float32 holds; whole numbers stay whole."""
    if value is None or not finite(value) or value == int(value):
        return value
    return float(f"{value:.7g}")
