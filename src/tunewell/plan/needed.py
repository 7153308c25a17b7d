"""How much memory a training step needs: one answer, whether simulated or by the formula."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tunewell.plan.memory import Memory
from tunewell.plan.simulated import Holder, Moment, PhasePeak, Simulated
from tunewell.plan.verdict import Verdict, verdict_of

ALLOCATED_ERROR = 0.02
"""What PyTorch allocates at the peak was within this on all 65 runs of a T4 (worst -1.4 and +0.4 %;
benchmarks/results/memory_peers.json) and on 89 of 90 of an H200 (worst -9.4 and +1.4 %;
benchmarks/results/gpu_memory/h200.predicted.json)."""

PROCESS_ERROR = 0.10
"""The whole process was within this on 63 of the T4's 65 runs (worst -12.3 and +14.2 %), and what
PyTorch reserves, nearly all of the process there, on 89 of the H200's 90 (worst -11.4 and +4.1 %).
"""

FORMULA_KINDS = {"optimizer states": "optimizer"}


@dataclass(frozen=True, slots=True, eq=False)
class Needed:
    """Bytes of one device. By the formula, `allocated`, `reserved` and `process` are its estimate.

    `process` is what the driver counts for the run: what PyTorch's allocator holds, and the
    context. `smallest` is the least with which it still runs, `low` and `high` the range in which
    `process` lies. `available` is what the device has, None where none was named.
    """

    method: Literal["simulated", "formula"]
    allocated: int
    reserved: int
    process: int
    smallest: int
    low: int
    high: int
    by_kind: Mapping[str, int]
    peak_phase: str = ""
    phases: tuple[PhasePeak, ...] = ()
    holders: tuple[Holder, ...] = ()
    moments: tuple[Moment, ...] = ()
    parameters: int | None = None
    trainable: int | None = None
    assumptions: tuple[str, ...] = field(default=())

    @property
    def exact(self) -> bool:
        """Whether a step was simulated."""
        return self.method == "simulated"

    def verdict(self, available: int) -> Verdict:
        """Whether it runs in so many bytes.

        By the formula "tight" means that the range holds what there is.
        """
        if self.exact:
            context = self.process - self.reserved
            return verdict_of(self.reserved, self.smallest - context, available - context)
        if self.smallest > available:
            return "does-not-fit"
        return "fits" if self.high <= available else "tight"

    def sure(self, available: int) -> bool:
        """Whether the verdict stands for every value of the range."""
        if not self.exact:
            return self.verdict(available) != "tight"
        return not self.low <= available < self.high

    def facts(self, available: int | None, where: str | None) -> dict[str, Any]:
        """What a script reads: sizes in bytes."""
        return {
            "method": self.method,
            "peak_allocated_bytes": self.allocated,
            "peak_reserved_bytes": self.reserved,
            "process_bytes": self.process,
            "smallest_capacity_bytes": self.smallest,
            "available_bytes": available,
            "where": where,
            "verdict": self.verdict(available) if available is not None else None,
            "uncertainty": {
                "low": self.low,
                "high": self.high,
                "allocated": {
                    "low": round(self.allocated * (1 - ALLOCATED_ERROR)),
                    "high": round(self.allocated * (1 + ALLOCATED_ERROR)),
                }
                if self.exact
                else None,
            },
            "by_kind": dict(self.by_kind),
            "by_phase": {
                p.phase: {
                    "allocated_bytes": p.allocated,
                    "reserved_bytes": p.reserved,
                    "by_kind": p.by_kind,
                }
                for p in self.phases
            },
            "peak_phase": self.peak_phase,
            "holders": [
                {
                    "kind": h.kind,
                    "operation": h.operation,
                    "module": h.module,
                    "count": h.count,
                    "bytes": h.bytes,
                }
                for h in self.holders
            ],
            "parameters": self.parameters,
            "trainable": self.trainable,
            "assumptions": list(self.assumptions),
        }


def simulated(found: Simulated, context: int, assumptions: tuple[str, ...] = ()) -> Needed:
    """The answer of a simulation on a device whose context takes so many bytes."""
    process = found.peak_reserved + context
    return Needed(
        method="simulated",
        allocated=found.peak_allocated,
        reserved=found.peak_reserved,
        process=process,
        smallest=found.smallest_capacity + context,
        low=round(process * (1 - PROCESS_ERROR)),
        high=round(process * (1 + PROCESS_ERROR)),
        by_kind=found.by_kind,
        peak_phase=found.peak_phase,
        phases=found.phases,
        holders=found.holders,
        moments=found.moments,
        parameters=found.parameters,
        trainable=found.trainable,
        assumptions=(*assumptions, *found.assumptions),
    )


def in_main_memory(found: Simulated, runtime: int, assumptions: tuple[str, ...] = ()) -> Needed:
    """The same step on the processor: no segments are kept, and Python and its libraries add."""
    process = found.peak_allocated + runtime
    return dataclasses.replace(
        simulated(found, runtime, assumptions),
        reserved=found.peak_allocated,
        process=process,
        smallest=process,
        low=round(process * (1 - PROCESS_ERROR)),
        high=round(process * (1 + PROCESS_ERROR)),
    )


def by_formula(
    memory: Memory, *, parameters: int | None = None, assumptions: tuple[str, ...] = ()
) -> Needed:
    """The answer of the closed form, whose range is wide."""
    return Needed(
        method="formula",
        allocated=memory.total,
        reserved=memory.total,
        process=memory.total,
        smallest=memory.low,
        low=memory.low,
        high=memory.high,
        by_kind={FORMULA_KINDS.get(kind, kind): count for kind, count in memory.by_kind.items()},
        parameters=parameters,
        assumptions=assumptions,
    )
