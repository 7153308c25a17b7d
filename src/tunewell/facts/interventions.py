"""What the guard did to a run, as a part of its document."""

from __future__ import annotations

from tunewell.core.document import Section
from tunewell.core.finding import Table
from tunewell.core.words import counted
from tunewell.subjects.trace import Trace


def interventions(trace: Trace) -> list[Section]:
    """What the guard did to the run, with its evidence; no section where it did nothing."""
    done = trace.interventions
    if not done:
        return []
    return [
        Section(
            id="interventions",
            title="What the guard did",
            text=f"{counted(len(done), 'intervention')} in {trace.last_step:,} steps",
            evidence=(
                Table(
                    name="interventions",
                    columns=("step", "what", "why"),
                    rows=tuple((f"{one.step:,}", one.kind, one.text) for one in done),
                    total=len(done),
                ),
            ),
        )
    ]
