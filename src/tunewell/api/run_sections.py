"""Parts of a report on a run: its curves, what it took beside its plan, and how fast it went."""

from __future__ import annotations

from tunewell.api.sections import curves
from tunewell.core.document import Section
from tunewell.core.finding import Table
from tunewell.facts.interventions import interventions
from tunewell.facts.prediction import GIB, compared, measured, summary
from tunewell.facts.throughput import throughput
from tunewell.subjects.trace import Trace


def of_run(trace: Trace, *, note: str = "") -> list[Section]:
    """Everything that a report shows of a run; `note` says more of it."""
    return [curves(trace, note=note), *interventions(trace), *planned(trace), *speed(trace)]


def planned(trace: Trace) -> list[Section]:
    """What was predicted beside what was measured; nothing for a run without a plan."""
    pairs = compared(trace)
    if not pairs:
        return []
    return [
        Section(
            id="planned",
            title="Measured against predicted",
            text=summary(trace),
            evidence=(
                Table(
                    name="measured against predicted",
                    columns=("quantity", "predicted", "measured", "unit", "off, %"),
                    rows=tuple(
                        (
                            each.name,
                            round(each.predicted / (GIB if each.unit == "bytes" else 1), 3),
                            round(each.measured / (GIB if each.unit == "bytes" else 1), 3),
                            "GiB" if each.unit == "bytes" else each.unit,
                            round(100 * each.off, 1),
                        )
                        for each in pairs
                    ),
                    total=len(pairs),
                ),
            ),
        )
    ]


def speed(trace: Trace) -> list[Section]:
    """Tokens a second and the share of the GPU's peak; nothing for a run on a processor."""
    rate = throughput(trace)
    if rate is None or trace.gpu_name is None:
        return []
    rows: list[tuple[str, float, str]] = [("tokens a second, padding included", rate.tokens, "")]
    if rate.useful_tokens is not None:
        rows.append(("tokens a second without padding", rate.useful_tokens, ""))
    if rate.operations is not None:
        rows.append(
            ("operations that the model asks for", rate.operations / 1e12, "10^12 a second")
        )
    if rate.share_of_peak is not None:
        rows.append(("of the GPU's peak (MFU)", 100 * rate.share_of_peak, "%"))
    taken = measured(trace)
    if taken.reserved_bytes is not None:
        rows.append(("peak of reserved memory", taken.reserved_bytes / GIB, "GiB"))
    return [
        Section(
            id="speed",
            title="Speed",
            text=rate.definition or f"on {trace.gpu_name}",
            evidence=(
                Table(
                    name="speed",
                    columns=("quantity", "value", "unit"),
                    rows=tuple((name, float(f"{value:.4g}"), unit) for name, value, unit in rows),
                    total=len(rows),
                ),
            ),
        )
    ]
