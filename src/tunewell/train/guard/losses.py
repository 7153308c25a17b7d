"""Whether the losses of single steps have left their own level."""

from __future__ import annotations

import math

import numpy as np

from tunewell.facts.curves import noise

WINDOW = 64
"""Steps whose losses tell what is usual."""

LEAST = 24
"""Steps before anything is called unusual."""

IN_A_ROW = 5
"""Losses above the bound, one after another, that make a rise: one alone is a hard batch."""

SCATTERS = 6.0
"""Distance of the bound from the usual level, in standard deviations of the run's own scatter."""

REFRESH = 8
"""Steps after which the usual level is measured anew."""


class StepLosses:
    """The losses of the last steps, and the step at which they began to rise."""

    def __init__(self) -> None:
        self._usual: list[float] = []
        self._high: list[tuple[int, float]] = []
        self._level, self._scatter = math.nan, math.nan
        self._left = 0

    @property
    def level(self) -> float:
        """Median of the usual losses, NaN where they are too few."""
        return self._level

    @property
    def scatter(self) -> float:
        """Standard deviation of the usual losses about their trend."""
        return self._scatter

    @property
    def bound(self) -> float:
        """The loss above which a step is unusual."""
        return self._level + SCATTERS * self._scatter

    @property
    def quiet(self) -> bool:
        """Whether the last loss was usual."""
        return not self._high

    @property
    def high(self) -> tuple[tuple[int, float], ...]:
        """Steps and losses of the present rise."""
        return tuple(self._high)

    def add(self, step: int, loss: float) -> bool:
        """Take a finite loss; True where it completes a rise."""
        if len(self._usual) >= LEAST and loss > self.bound:
            self._high.append((step, loss))
            return len(self._high) >= IN_A_ROW
        # What was high for a moment only is part of the run's scatter.
        self._usual += [loss for _, loss in self._high] + [loss]
        self._high = []
        del self._usual[:-WINDOW]
        self._left -= 1
        if self._left <= 0 and len(self._usual) >= LEAST:
            self._left = REFRESH
            recent = np.array(self._usual)
            self._level, self._scatter = float(np.median(recent[-WINDOW // 2 :])), noise(recent)
        return False

    def forget_rise(self) -> None:
        """The rise was mended: its losses are no part of the run."""
        self._high = []

    def accept_rise(self) -> None:
        """The rise is the data's own: from here on the level is measured anew."""
        self._usual = [loss for _, loss in self._high]
        self._high = []
        self._left = 0
