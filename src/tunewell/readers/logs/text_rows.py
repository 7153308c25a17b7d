"""Rows of printed dicts, with what the text tells of their steps."""

from __future__ import annotations

from array import array
from collections import Counter

import numpy as np

from tunewell.readers.logs.rows import LogRows, Whole
from tunewell.readers.logs.text_lines import Logged


class TextRows:
    """Rows of one rank with what is known of their steps."""

    def __init__(self) -> None:
        self.rows = LogRows()
        self.shown = array("q")
        self.epochs, self.halves = array("d"), array("d")
        self.training = array("b")
        # Up to two bars, the run's and an evaluation's, that were drawn after a row.
        self.bars = (array("q"), array("q"), array("q"), array("q"))

    def add(self, logged: Logged, *, training: bool) -> None:
        """Take a row of training or of an evaluation."""
        self.rows.add(-1 if logged.step is None else logged.step, logged.values, logged.time)
        self.shown.append(-1 if logged.step is None else logged.step)
        self.epochs.append(float("nan") if logged.epoch is None else logged.epoch)
        self.halves.append(logged.half)
        self.training.append(training)
        for column in self.bars:
            column.append(-1)

    def see_bar(self, count: int, total: int) -> None:
        """A bar that was drawn after the last row."""
        first, first_total, second, second_total = self.bars
        if not len(first) or first_total[-1] == total or second_total[-1] >= 0:
            return
        if first_total[-1] < 0:
            first[-1], first_total[-1] = count, total
        else:
            second[-1], second_total[-1] = count, total

    @property
    def total(self) -> int | None:
        """The run's own steps: the total of the bar that follows rows of training."""
        _, first, _, second = self.bars
        seen = Counter(
            total
            for at in range(len(self.training))
            if self.training[at]
            for total in (first[at], second[at])
            if total > 0
        )
        return max(seen, key=lambda total: (seen[total], total)) if seen else None


def total_of(rows: TextRows, part: slice) -> int | None:
    """The steps of the run in some of the rows, None where no bar tells."""
    own = TextRows()
    own.training = rows.training[part]
    own.bars = (rows.bars[0][part], rows.bars[1][part], rows.bars[2][part], rows.bars[3][part])
    return own.total


def bars_of(rows: TextRows, part: slice, total: int | None) -> Whole:
    """What the bar of the run showed after each row, -1 where none was drawn."""
    first, first_total, second, second_total = (np.array(column[part]) for column in rows.bars)
    shown = np.where(first_total == total, first, np.where(second_total == total, second, -1))
    return np.where(total is None, -1, shown).astype(np.int64)
