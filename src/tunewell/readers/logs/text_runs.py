"""The runs in a printed log: rows gathered line by line, then put at their steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tunewell.readers.logs.columns import SUMMARY
from tunewell.readers.logs.rows import OWN_SPACING, LogRows, Run, run_starts
from tunewell.readers.logs.text_lines import (
    BAR,
    BEGIN,
    INTEREST,
    KERAS_EPOCH,
    KERAS_LINE,
    MARKS,
    OPEN_DICT,
    Logged,
    bar_in,
    clean,
    dict_in,
    keras_values,
    pieces,
    step_line_in,
)
from tunewell.readers.logs.text_rows import TextRows, bars_of, total_of
from tunewell.readers.logs.text_steps import Evidence, bounds, steps_of

SETTINGS = {
    "Num Epochs": "num_train_epochs",
    "Gradient Accumulation steps": "gradient_accumulation_steps",
    "Instantaneous batch size per device": "per_device_train_batch_size",
}
PER_EPOCH = re.compile(rb"Num update steps per epoch = ([\d,]+)")
TWO = 2
BARS_WANTED = 4
"""Bars after a line of values that may be drawn for it: the run's, an evaluation's, again."""


@dataclass(slots=True)
class TextRun:
    """A run as printed."""

    run: Run
    how: str
    max_steps: int | None = None
    finished: bool = False
    train_rows: int | None = None
    settings: dict[str, int] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    ranks: dict[int, Run] = field(default_factory=dict)
    framework: str | None = None


@dataclass(slots=True)
class _Start:
    """Where a process began, and what it said of itself."""

    row: int
    told: dict[str, int] = field(default_factory=dict)
    per_epoch: int | None = None
    summary: dict[str, float] = field(default_factory=dict)
    end: tuple[float, float] | None = None
    bar: tuple[int, int] | None = None


class TextLog:
    """Reads pieces of text, one after the other. `runs` gives what they held."""

    def __init__(self) -> None:
        self._dicts = TextRows()
        self._others: dict[int, TextRows] = {}
        self._rank: int | None = None
        self._lines = LogRows()
        self._line_total: int | None = None
        self._keras = LogRows()
        self._keras_ends: list[tuple[int, int]] = []
        self._epoch: tuple[int, int] | None = None
        self._pending: tuple[int, int, tuple[tuple[str, float], ...]] | None = None
        self._starts = [_Start(0)]
        self._open = self._rest = self._last_bar = b""
        self._wanted = BARS_WANTED

    def read(self, chunks: Iterable[bytes]) -> TextLog:
        """Take a whole text. Of a last line without an end only a dict that is closed counts.

        Its last number may be half written.
        """
        for piece in self._lines_of(chunks):
            self.add(piece)
        if b"}" in self._rest:
            self.add(self._rest)
        elif b"%|" in self._rest and (bar := bar_in(self._rest)) is not None:
            self._bar(*bar)
        self._see_last_bar()
        self._close_epoch()
        return self

    def _lines_of(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        self._rest = yield from pieces(chunks)

    def add(self, piece: bytes) -> None:
        """Take what stood between two line ends."""
        if b"%|" in piece and self._only_bar(piece):
            return
        if self._open:
            self._continue(piece)
        if INTEREST.search(piece) is None:
            self._other_line(piece)
            return
        self._line(clean(piece))

    def _line(self, piece: bytes) -> None:
        """A line that may hold values."""
        if b"{" in piece:
            logged = dict_in(piece)
            if logged is not None:
                self._add_dict(logged)
                return
            opened = OPEN_DICT.search(piece)
            self._open = opened[0] if opened is not None else b""
            return
        keras = KERAS_LINE.search(piece) if self._epoch is not None else None
        if keras is not None:
            count = int(keras[1])
            total = count if keras[2] == b"Unknown" else int(keras[2])
            self._pending = (count, total, keras_values(keras[3]))
        elif (logged := step_line_in(piece)) is not None and logged.step is not None:
            self._lines.add(logged.step, logged.values, logged.time)
            self._line_total = logged.total or self._line_total
        else:
            self._other_line(piece)

    def _only_bar(self, piece: bytes) -> bool:
        """Take the progress bar in a piece; whether it holds nothing else."""
        if not self._wanted and piece.endswith(b"]") and not self._special(piece):
            self._last_bar = piece
            return True
        bar = bar_in(piece)
        if bar is None:
            return False
        self._wanted = max(0, self._wanted - 1)
        self._bar(*bar)
        return len(BAR.sub(b"\n", piece).rpartition(b"\n")[2]) < TWO and b"{" not in piece

    def _special(self, piece: bytes) -> bool:
        """Whether a bar says more than one that is drawn again between two lines of values."""
        return bool(self._open) or b"| 0/" in piece or b"{" in piece

    def _continue(self, piece: bytes) -> None:
        """The rest of a dict into whose middle a progress bar was written."""
        rest = BAR.sub(b"\n", piece).rpartition(b"\n")[2]
        if b"}" in rest and b"{" not in rest.partition(b"}")[0]:
            logged = dict_in(self._open + rest)
            self._open = b""
            if logged is not None:
                self._add_dict(logged)
        elif b"{" in rest:
            self._open = b""

    def _add_dict(self, logged: Logged) -> None:
        start = self._starts[-1]
        self._see_last_bar()
        self._wanted = BARS_WANTED
        training = not logged.evaluates
        if any(name == "train_runtime" for name, _ in logged.values):
            values = dict(logged.values)
            start.summary = {name: values[name] for name in SUMMARY if name in values}
            if logged.epoch is not None:
                start.end = (logged.epoch, logged.half)
            return
        if start.summary and training:
            self._begin()
        if self._rank is None:
            self._rank = logged.rank
        if logged.rank is not None and logged.rank != self._rank:
            self._others.setdefault(logged.rank, TextRows()).add(logged, training=training)
        else:
            self._dicts.add(logged, training=training)

    def _see_last_bar(self) -> None:
        """What the last of the bars that were passed over showed."""
        if self._last_bar and (bar := bar_in(self._last_bar)) is not None:
            start = self._starts[-1]
            if start.bar is None or bar[1] >= start.bar[1]:
                start.bar = bar
        self._last_bar = b""

    def _bar(self, count: int, total: int) -> None:
        self._see_last_bar()
        start = self._starts[-1]
        if count == 0 and start.bar is not None and start.bar[0] > 0 and start.bar[1] == total:
            trained = self._dicts.bars[1], self._dicts.bars[3]
            if any(total in totals[start.row :] for totals in trained):
                self._begin()
        if self._starts[-1].bar is None or total >= self._starts[-1].bar[1]:
            self._starts[-1].bar = (count, total)
        self._dicts.see_bar(count, total)

    def _begin(self) -> None:
        """From here on another process prints."""
        self._see_last_bar()
        row = len(self._dicts.rows)
        if row > self._starts[-1].row:
            self._starts.append(_Start(row))
        elif self._starts[-1].told:
            self._starts[-1] = _Start(row)

    def _other_line(self, piece: bytes) -> None:
        if b" = " in piece:
            told, per_epoch = MARKS.search(piece), PER_EPOCH.search(piece)
            start = self._starts[-1]
            if told is not None and "Total optimization steps" not in start.told:
                name = told[1].decode().partition(" (")[0].strip()
                start.told.setdefault(name, int(told[2].replace(b",", b"")))
            if per_epoch is not None:
                start.per_epoch = int(per_epoch[1].replace(b",", b""))
        elif any(mark in piece for mark in BEGIN):
            self._begin()
        elif piece.startswith(b"Epoch ") and (epoch := KERAS_EPOCH.match(clean(piece))) is not None:
            self._close_epoch()
            self._epoch = int(epoch[1]), int(epoch[2])

    def _close_epoch(self) -> None:
        """The last line of an epoch of Keras holds its values; of one cut short there are none."""
        if self._epoch is not None and self._pending is not None:
            count, total, values = self._pending
            at, of = self._epoch
            if count == total:
                step = at * total
                self._keras.add(step, [*values, ("epoch", float(at))])
                self._keras_ends.append((at, of * total))
        self._pending = self._epoch = None

    def runs(self) -> list[TextRun]:
        """What was printed, in order. Of several ways to print the one with most rows counts."""
        ways = (len(self._dicts.rows), len(self._lines), len(self._keras))
        if not max(ways):
            return []
        if ways[0] == max(ways):
            return self._dict_runs()
        lines = ways[1] == max(ways)
        rows = self._lines if lines else self._keras
        steps = rows.steps
        found: list[TextRun] = []
        for start, end in pairwise([0, *run_starts(steps), len(rows)]):
            total = self._line_total if lines else self._keras_ends[end - 1][1]
            found.append(
                TextRun(
                    rows.run(start, end),
                    "its lines show their steps" if lines else "steps counted over its epochs",
                    max_steps=total,
                    finished=total is not None and int(steps[end - 1]) >= total,
                    framework=None if lines else "keras",
                )
            )
        return found

    def _dict_runs(self) -> list[TextRun]:
        rows = self._dicts
        steps, epochs = np.array(rows.shown), np.array(rows.epochs)
        clock = np.where(steps >= 0, steps, epochs)
        begins = {start.row for start in self._starts[1:] if start.row < len(clock)}
        begins |= set((np.flatnonzero(np.diff(clock) < 0) + 1).tolist())
        first = [at for at in sorted(begins) if at and self._is_new(clock, at)]
        found = []
        for start, end in pairwise([0, *first, len(clock)]):
            told = [
                entry
                for entry, after in zip(
                    self._starts, [*(s.row for s in self._starts[1:]), len(clock) + 1], strict=True
                )
                if after > start and entry.row < end
            ]
            found.append(self._dict_run(start, end, told))
        return found

    def _is_new(self, clock: np.ndarray, at: int) -> bool:
        """Whether a run begins there, rather than an earlier one being taken up again."""
        train = np.array(self._dicts.training, dtype=np.bool_)
        after = clock[at:][train[at:]][:8]
        before = clock[:at][train[:at]][-8:]
        if not len(after):
            return True
        rises = np.diff(after)[np.diff(after) > 0]
        if not len(rises):
            rises = np.diff(before)[np.diff(before) > 0]
        if not len(rises):
            return bool(len(before) and after[0] <= before[0])
        return bool(after[0] <= OWN_SPACING * np.median(rises))

    def _dict_run(self, start: int, end: int, told: list[_Start]) -> TextRun:
        rows = self._dicts
        said = told[-1] if told else _Start(start)
        part = slice(start, end)
        total = said.told.get("Total optimization steps") or total_of(rows, part)
        if total is None and said.bar is not None and said.bar[1] > TWO:
            total = said.bar[1]
        bars = bars_of(rows, part, total)
        epochs, halves = np.array(rows.epochs[part]), np.array(rows.halves[part])
        finished = bool(said.summary)
        known = Evidence(
            shown=np.array(rows.shown[part], dtype=np.int64),
            bars=bars,
            epochs=epochs,
            halves=halves,
            training=np.array(rows.training[part], dtype=np.bool_),
            per_epoch=_per_epoch(said, total, finished=finished),
        )
        steps, how = steps_of(known)
        ranks = {}
        at = dict(zip(epochs.tolist(), steps.tolist(), strict=True)) if self._others else {}
        for rank, other in self._others.items():
            theirs = [at.get(epoch, -1) for epoch in other.epochs]
            if -1 not in theirs:
                ranks[rank] = other.rows.run(0, len(theirs), np.array(theirs, dtype=np.int64))
        return TextRun(
            rows.rows.run(start, end, steps),
            how,
            max_steps=total,
            finished=finished,
            train_rows=said.told.get("Num examples"),
            settings={
                name: said.told[mark] for mark, name in SETTINGS.items() if mark in said.told
            },
            summary=said.summary,
            ranks=ranks,
            framework="transformers",
        )


def _per_epoch(said: _Start, total: int | None, *, finished: bool) -> tuple[float, float] | None:
    """How many steps an epoch has, as far as the text tells."""
    if said.per_epoch is not None:
        return float(said.per_epoch), float(said.per_epoch)
    rows, batch = said.told.get("Num examples"), said.told.get("Total train batch size")
    epochs = said.told.get("Num Epochs")
    if rows and batch and epochs and total == -(-rows // batch) * epochs:
        return float(total // epochs), float(total // epochs)
    if not finished or said.end is None or total is None:
        return None
    return bounds(np.array([said.end[0]]), np.array([said.end[1]]), np.array([float(total)]))
