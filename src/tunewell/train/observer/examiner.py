"""Live checks over the run so far, in a small share of its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
import numpy as np

from tunewell.core.finding import Finding, Severity
from tunewell.core.words import counted
from tunewell.engine import registry
from tunewell.engine.documents import build
from tunewell.engine.examine import Outcomes, examine
from tunewell.facts.interventions import interventions
from tunewell.readers.logs.run_folder import RunLog, other_ranks
from tunewell.readers.machine import read_machine
from tunewell.subjects.machine import Machine
from tunewell.subjects.trace import Trace
from tunewell.train.recorder import Recorder

FAMILIES = ("fit", "hyperparameters", "hardware", "metrics", "adaptation")
SHARE = 0.002
"""Live checks may take this share of the run's time so far."""

DOCUMENT = "document.json"
MINUTE, HOUR = 60, 3600


class Examiner:
    """Looks at the run so far, tells each error and warning once, and may end the run.

    What is found is recorded in any case. Information is not announced, and neither is what the
    end of a run adds that was stopped: its cause was told.

    Args:
        every: optimizer steps between two looks, at least.
        stop_on: codes or names of checks whose finding ends the training, or a severity.
        announce: told each error and warning once, as a line; None keeps silent.
    """

    def __init__(
        self,
        *,
        every: int = 50,
        stop_on: Collection[str] = (),
        announce: Callable[[str], None] | None = None,
    ) -> None:
        self.every = every
        self.stop_on = frozenset(stop_on)
        self.announce = announce
        self.outcomes = Outcomes()
        self._recorder: Recorder | None = None
        self._log: RunLog | None = None
        self._open: dict[str, Finding] = {}
        self._machine: Machine | None = None
        self._looked_at = 0
        self._stopped = False
        self._seconds = 0.0
        severities = {severity.value for severity in Severity}
        for selector in self.stop_on - severities:
            registry.load()
            registry.require_known(selector)

    def begin(self, recorder: Recorder, *, resumed: bool) -> None:
        """Take up a run; what an earlier part of it recorded counts too."""
        self._recorder = recorder
        self._log = RunLog(recorder.path)
        if resumed:
            self._log.follow()
        registry.load()
        self._machine = read_machine(recorder.path.parent)

    def add(self, event: Mapping[str, Any]) -> None:
        """Take an event that was recorded."""
        if self._log is not None:
            self._log.add(event)

    def look(self, step: int, elapsed: float, *, urgent: bool = False) -> bool:
        """Look where it is due and affordable, or urgent; whether the run is to end."""
        due = step - self._looked_at >= self.every and self._seconds <= SHARE * elapsed
        return (due or urgent) and self._examine(step, live=True)

    def finish(self, step: int) -> None:
        """Look at the whole run and write its document beside the events."""
        self._examine(step, live=False)
        if self._recorder is None:
            return
        sections = () if self._log is None else tuple(interventions(self._log.trace()))
        document = build("watch", self.outcomes, sections=sections)
        document.save(self._recorder.path.parent / DOCUMENT)

    def _examine(self, step: int, *, live: bool) -> bool:
        if self._recorder is None or self._log is None:
            return False
        started = time.perf_counter()
        trace = self._log.trace(other_ranks(self._recorder.path))
        known = (trace, self._log.state, self._machine)
        subjects = [subject for subject in known if subject is not None]
        self.outcomes = examine(subjects, families=FAMILIES)
        found = {finding.code: finding for finding in self.outcomes.findings}
        stop = False
        for code, finding in found.items():
            if code in self._open:
                continue
            self._recorder.write(
                "finding_opened", step=step, code=code, finding=msgspec.to_builtins(finding)
            )
            if finding.severity is not Severity.INFO and not self._stopped:
                self.say(f"step {step}: {code} {finding.name}: {finding.message}")
            if live and self.stop_on & {code, finding.name, str(finding.severity)}:
                self._stop(trace, step, finding)
                stop = True
        for code in self._open.keys() - found.keys():
            self._recorder.write("finding_closed", step=step, code=code)
        self._open = found
        self._looked_at = step
        self._seconds += time.perf_counter() - started
        return stop

    def _stop(self, trace: Trace, step: int, finding: Finding) -> None:
        """Say that the run ends here, and what that saves."""
        self._stopped = True
        left = None if trace.max_steps is None else max(0, trace.max_steps - step)
        took = trace.column("step_seconds").finite.values
        waited = trace.column("data_seconds").finite.values
        each = float(np.median(took) + np.median(waited)) if len(took) and len(waited) else None
        saved = None if left is None or each is None else left * each
        if self._recorder is not None:
            self._recorder.write(
                "stop", step=step, code=finding.code, steps_left=left, seconds_saved=saved
            )
        gain = "" if not left else f"; {counted(left, 'step')} saved"
        gain += "" if not left or saved is None else f", about {_duration(saved)}"
        self.say(f"step {step}: stopped by {finding.code} {finding.name}{gain}")

    def say(self, line: str) -> None:
        """Announce a line."""
        if self.announce is not None:
            try:
                self.announce(line)
            except Exception as error:  # noqa: BLE001  a listener's trouble is not the run's
                if self._recorder is not None:
                    said = f"{type(error).__name__}: {error}"
                    self._recorder.write("broken", where="announce", error=said)


def _duration(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"
