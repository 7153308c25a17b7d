"""A run as the page knows it: grown event by event, and told as what changed since a revision."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Any

import msgspec

from tunewell.core.document import Outcome
from tunewell.core.finding import Finding
from tunewell.core.words import counted
from tunewell.readers.logs import tunewell_folder as folder
from tunewell.readers.logs.columns import SUMMARY, number, whole
from tunewell.report.words import visible
from tunewell.serve import names
from tunewell.serve.findings import Findings
from tunewell.serve.pace import Pace, seconds_by_kind
from tunewell.serve.series import Series
from tunewell.subjects.trace import Trace

WATCHED = folder.NAME
MOST_STEPS = 1 << 53
"""What a browser still counts exactly."""

ENDED = "ended"
FINISHED = "finished"
"""The `reason` of an end event that says the training came to its end."""


class LiveRun:
    """Everything the page shows of one run.

    Every change has a revision; `since` says what a page lacks that knows an earlier one. A new run
    in the place of the old one, or a log that was rewritten, gets a new `generation`: what a page
    knows of another generation counts for nothing.

    Reading happens in other threads than sending, so every public method takes the lock.
    """

    def __init__(
        self, name: str, where: str = "", *, clock: Callable[[], float] = time.time
    ) -> None:
        self.lock = RLock()
        self.clock = clock
        self.name = name
        self.where = where
        self.revision = 0
        self._clear()

    def _clear(self) -> None:
        self.generation = secrets.token_hex(6)
        self.revision += 1
        self.findings = Findings()
        self.pace = Pace(self.clock)
        self._series: dict[str, Series] = {}
        self._changed = dict.fromkeys(("settings", "happened"), self.revision)
        self._settings: list[tuple[str, str]] = []
        self._happened: list[dict[str, Any]] = []
        self._source = ""
        self._begun = False
        self._end: dict[str, Any] | None = None
        self._step = 0
        self._epoch: float | None = None
        self._max_steps: int | None = None
        self._kept: int | None = None
        self._trouble = ""
        self._phase = "waiting"
        self._judged = ""

    # -- what is read ----------------------------------------------------------------------------

    def forget(self, trouble: str = "") -> None:
        """Another run begins, or none is there any more."""
        with self.lock:
            self._clear()
            self._trouble = trouble

    def say(self, trouble: str) -> None:
        """What keeps the log from being read, "" where nothing does."""
        with self.lock:
            if trouble != self._trouble:
                self.revision += 1
                self._trouble = trouble

    def take(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take events of the watcher's log; what cannot be understood is passed over."""
        with self.lock:
            self.revision += 1
            self._source = WATCHED
            for event in events:
                self._event(event)

    def take_trace(self, trace: Trace, when: float) -> None:
        """Take a log that was read as a whole. `when` is when it was written, in seconds."""
        with self.lock:
            if self._begun and self._series.keys() - trace.columns.keys():
                self._clear()  # another log than the one that was there
            self.revision += 1
            self._source, self._begun = trace.source, True
            self._max_steps, self._kept = trace.max_steps, trace.kept_step
            for name, column in trace.columns.items():
                series = self._column(name)
                if series is not None:
                    series.become(column.steps, column.values, self.revision)
            epochs = trace.column("epoch").finite
            self._epoch = float(epochs.values[-1]) if len(epochs) else None
            self._step = trace.last_step
            self._set_settings(trace.settings)
            happened = [
                {"step": r.step, "kind": "restart", "text": _again(r.step, r.reached)}
                for r in trace.restarts
            ] + [
                {"step": i.step, "kind": names.text(i.kind), "text": names.text(i.text)}
                for i in trace.interventions
            ]
            if happened != self._happened:
                self._happened = happened
                self._changed["happened"] = self.revision
            times = trace.column("loss").times
            if times is not None and len(times):
                self.pace.become(trace.column("loss").steps, times)
            self.pace.saw(when, trace.last_step)
            self._end = {"reason": FINISHED} if trace.finished else None

    def judge(self, found: Iterable[Finding], passed: Iterable[Outcome] = ()) -> None:
        """What an examination of the log so far found."""
        with self.lock:
            self.revision += 1
            self.findings.become(found, self._step, self.revision, ended=self.ended)
            self.findings.looked = len(list(passed)) + len(self.findings.open())
            self._judged = ENDED if self.ended else "running"

    def tick(self) -> None:
        """Time has passed: a run that is silent for long is said to be."""
        with self.lock:
            if self.phase != self._phase:
                self.revision += 1
                self._phase = self.phase

    # -- the watcher's events --------------------------------------------------------------------

    def _event(self, event: Mapping[str, Any]) -> None:
        kind, step = event.get("event"), _step(event.get("step"))
        seen = number(event.get("time"))
        values = event.get("values")
        if kind == "start":
            self._start(event, step or 0)
        elif kind == "end":
            self._end = dict(event)
            self._kept = _step(event.get("kept_step"))
            self._step = max(self._step, step or 0)
        elif kind in {"log", "layers"} and isinstance(values, dict) and step is not None:
            self._log(step, values)
        elif kind == "steps":
            self._steps(event)
        else:
            self._said(event, kind, step)
        if seen is not None and math.isfinite(seen):
            self.pace.saw(seen, self._step, start=kind == "start")

    def _said(self, event: Mapping[str, Any], kind: object, step: int | None) -> None:
        """What the watcher found and did."""
        if kind == "finding_opened":
            said = event.get("finding")
            self.findings.opened(said, step or self._step, self.revision, watched=True)
        elif kind == "finding_closed":
            self.findings.closed(str(event.get("code")), step or self._step, self.revision)
        elif kind == "intervention":
            self._happen(step, names.text(event.get("kind")), names.text(event.get("text")))
        elif kind == "stop":
            code = names.text(event.get("code"))
            self._happen(step, "stop", f"{code} was found, and the run was told to stop for it.")
        elif kind == "broken":
            where, error = names.text(event.get("where")), names.text(event.get("error"))
            self._happen(step, "broken", f"The watcher broke in {where}: {error}")

    def _start(self, event: Mapping[str, Any], step: int) -> None:
        if self._begun and step > 0:
            self._happen(step, "restart", _again(step, self._step))
            self._go_back(step)
        elif self._begun:
            self._clear()
            self._source = WATCHED
        self._begun, self._end = True, None
        self._max_steps = _step(event.get("max_steps"))
        self._step = step
        settings = event.get("settings")
        self._set_settings(settings if isinstance(settings, dict) else {})

    def _log(self, step: int, values: Mapping[str, Any]) -> None:
        if step < self._step:
            self._go_back(step)
        self._step = step
        self._begun = True
        for name, value in values.items():
            taken = number(value)
            if taken is None or name in SUMMARY or name == "step":
                continue
            if name == "epoch":
                self._epoch = taken
            series = self._column(name)
            if series is not None:
                series.add(step, taken, self.revision)

    def _steps(self, event: Mapping[str, Any]) -> None:
        listed = event.get("step")
        if not isinstance(listed, list) or not listed:
            return
        steps = [step for step in map(_step, listed) if step is not None]
        if len(steps) != len(listed):
            return
        for name, column in event.items():
            if name == "step" or not isinstance(column, list) or len(column) != len(steps):
                continue
            values = [value if type(value) is float else number(value) for value in column]
            there = [
                (at, value) for at, value in zip(steps, values, strict=True) if value is not None
            ]
            series = self._column(name) if there else None
            if series is not None:
                series.extend([at for at, _ in there], [value for _, value in there], self.revision)
        self._begun = True
        self._step = max(self._step, *steps)

    def _go_back(self, step: int) -> None:
        for series in self._series.values():
            series.go_back(step, self.revision)

    def _happen(self, step: int | None, kind: str, text: str) -> None:
        at = self._step if step is None else step
        self._happened.append({"step": at, "kind": kind, "text": text})
        self._changed["happened"] = self.revision

    def _set_settings(self, given: Mapping[str, Any]) -> None:
        listed = names.settings(given)
        if listed != self._settings:
            self._settings = listed
            self._changed["settings"] = self.revision

    def _column(self, name: str) -> Series | None:
        series = self._series.get(name)
        if series is None and len(self._series) < names.MOST_NAMES and names.drawn(name):
            series = self._series[name] = Series(names.drawn(name))
        return series

    # -- what is told ----------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """waiting, running, silent, finished or failed."""
        if not self._begun:
            return "waiting"
        if self._end is not None:
            return "finished" if self._end.get("reason") == FINISHED else "failed"
        return "silent" if self.pace.silent else "running"

    @property
    def told(self) -> str:
        """What a page that knows everything knows, as `since` takes it."""
        return f"{self.generation}-{self.revision}"

    def since(self, told: str | None) -> dict[str, Any]:
        """What a page lacks that was last told `told`; everything where that is of another run."""
        with self.lock:
            self.tick()
            generation, _, known = (told or "").partition("-")
            fresh = generation != self.generation or not known.isdecimal()
            revision = -1 if fresh else int(known)
            delta: dict[str, Any] = {"id": self.told, "reset": fresh, "state": self._state()}
            columns = {
                names.text(name): series.since(revision)
                for name, series in self._series.items()
                if series.changed > revision
            }
            found = self.findings.since(revision)
            if columns:
                delta["columns"] = columns
            if found:
                delta["findings"] = found
            if self._changed["settings"] > revision:
                delta["settings"] = self._settings
            if self._changed["happened"] > revision:
                delta["happened"] = self._happened
            return delta

    def encoded(self, told: str | None) -> tuple[str, bytes]:
        """`since` as JSON in one line, with the identity that it brings a page to."""
        delta = self.since(told)
        return delta["id"], msgspec.json.encode(delta)

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected of it."""
        return self.phase in {"finished", "failed", "silent"}

    @property
    def examined(self) -> bool:
        """Whether checks have seen the run, after its end where it has one."""
        return self._judged == ENDED or (self._judged != "" and not self.ended)

    def _state(self) -> dict[str, Any]:
        end = self._end or {}
        running = self.phase == "running"
        return {
            "name": names.text(self.name),
            "where": visible(self.where),
            "source": self._source,
            "phase": self.phase,
            "verdict": self.findings.verdict(
                self.phase, examined=self.examined or self.phase == "waiting"
            ),
            "examined": self.examined,
            "step": self._step,
            "max_steps": self._max_steps,
            "epoch": self._epoch,
            "reason": names.text(end.get("reason") or ""),
            "kept": self._kept,
            "trouble": names.text(self._trouble),
            "looked": self.findings.looked,
            "left": self.pace.left(self._max_steps) if running else None,
            "split": seconds_by_kind(self._series, self.pace.elapsed),
            **self.pace.state(),
        }


def _step(value: object) -> int | None:
    """A step as a log says it, None where it can be none."""
    taken = whole(value)
    return taken if taken is not None and 0 <= taken < MOST_STEPS else None


def _again(step: int, reached: int) -> str:
    if reached > step:
        again = counted(reached - step, "step")
        return f"The run was taken up again after step {step:,}; {again} had been done beyond it."
    return f"The run was taken up again after step {step:,}."
