"""The step on several GPUs: how it is shared out, what each of them needs, how long it takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tunewell.api.planning import money
from tunewell.api.planning.changes import VERDICTS
from tunewell.api.planning.memory import Place
from tunewell.core.document import Section
from tunewell.core.finding import Table
from tunewell.core.progress import Progress
from tunewell.core.words import counted
from tunewell.knowledge.gpus import Gpu
from tunewell.plan.hunt import Simulate
from tunewell.plan.named_sharding import named_sharding
from tunewell.plan.sharding import WAYS, Shared, Way, each_row, fewest, layouts
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Sharding, Step
from tunewell.report.words import duration
from tunewell.subjects.recipe import Recipe

GIB, MIB = 1024**3, 1024**2
KEPT: tuple[Way, ...] = tuple(way for way in WAYS if way[1] == "none")
OFFLOADED: tuple[Way, ...] = tuple(way for way in WAYS if way[1] != "none")
DIVIDED: tuple[Way, ...] = (("zero2", "none"), ("fsdp", "none"), ("zero3", "none"))
"""Ways that divide more than the optimizer's states: what is looked at where one GPU is too small.
"""

COUNTS = (2, 4, 8)
"""GPUs of one machine that are looked at there: at most three simulations of each way."""

AS_FAST = 1.05
"""Times of steps that lie closer together than this are one, with the error of both."""

NCCL = "measured on four A100 by the author of github.com/NVIDIA/nccl/issues/964"


@dataclass(frozen=True, slots=True)
class Spread:
    """Ways of sharing the step out, and the one that counts for the plan.

    `named` says that the recipe names that one; `reason` why the one that it names is not
    simulated.
    """

    rows: tuple[Shared, ...]
    chosen: Shared | None = None
    named: bool = False
    reason: str = ""

    @property
    def best(self) -> Shared | None:
        """What to start: the chosen one, unless it does not fit and another one does."""
        if self.chosen is not None and self.chosen.verdict == "fits":
            return self.chosen
        return next((row for row in self.rows if row.verdict == "fits"), self.chosen)


def on_named(
    recipe: Recipe,
    step: Step,
    place: Place,
    gpu: Gpu | None,
    simulate: Simulate,
    *,
    whole: bool,
    progress: Progress,
) -> Spread:
    """The ways on as many GPUs as the recipe or a flag names.

    Args:
        recipe: how many, and which way if it names one: that one counts, else the fastest that
            fits.
        step: of one GPU: its batch is what each runs at a time.
        place: each of the GPUs.
        gpu: for the time of a step, None where it is not known by name.
        simulate: runs steps on paper.
        whole: False stops where it is known whether it fits.
        progress: is told of each simulation.
    """
    gpus = recipe.hardware.world_size or 1
    capacity = place.available - step.device.context_bytes
    named = named_sharding(recipe, step, gpus)
    asked = named if isinstance(named, Sharding) else None
    progress.begin("several GPUs", len(KEPT))

    def look(ways: Sequence[Sharding]) -> tuple[Shared, ...]:
        progress.advance(len(ways))
        return each_row(step, ways, capacity, simulate)

    rows = list(look([asked])) if asked is not None else []
    reason = named if isinstance(named, str) else ""
    if asked is not None and not rows:
        reason = "it could not be simulated"
    chosen = rows[0] if rows else None
    others = [
        way
        for way in layouts(step, gpus, ways=KEPT)
        if chosen is None or _way(way) != _way(chosen.sharding)
    ]
    if whole:
        rows += look(others)
    elif chosen is None:
        rows += _until_it_fits(others, look)
    if whole and not any(row.verdict == "fits" for row in rows):
        known = {_way(row.sharding) for row in rows}
        ways = layouts(step, gpus, ways=OFFLOADED)
        rows += look([way for way in ways if _way(way) not in known])
    progress.end()
    rows.sort(key=lambda row: WAYS.index(_way(row.sharding)))
    if chosen is None and not reason:
        chosen = _cheapest(rows, gpu)
    return Spread(tuple(rows), chosen, named=asked is not None, reason=reason)


def on_more(step: Step, place: Place, simulate: Simulate, progress: Progress) -> Spread:
    """The fewest GPUs of one machine that hold what one does not, for each way that divides."""
    progress.begin("several GPUs", len(DIVIDED))
    capacity = place.available - step.device.context_bytes

    def told(steps: Sequence[Step]) -> Sequence[Simulated | NotSimulated]:
        progress.advance()
        return simulate(steps)

    rows = fewest(step, capacity, told, counts=COUNTS, ways=DIVIDED)
    progress.end()
    return Spread(tuple(sorted(rows, key=lambda row: (row.verdict != "fits", row.sharding.ranks))))


def spread_step(step: Step, row: Shared) -> Step:
    """The step of the fullest GPU; what NCCL takes counts beside the driver's context."""
    device = step.device
    context = device.context_bytes + row.nccl_bytes
    return msgspec.structs.replace(
        step,
        sharding=row.sharding,
        device=msgspec.structs.replace(device, context_bytes=context),
    )


def _until_it_fits(
    ways: Sequence[Sharding], look: Callable[[Sequence[Sharding]], Sequence[Shared]]
) -> list[Shared]:
    rows: list[Shared] = []
    for way in ways:
        rows += look([way])
        if rows and rows[-1].verdict == "fits":
            break
    return rows


def _way(sharding: Sharding) -> Way:
    return sharding.strategy, sharding.offload


def _cheapest(rows: Sequence[Shared], gpu: Gpu | None) -> Shared | None:
    """The fastest that fits, else one that is tight, else the one that needs least.

    Of ways that are as fast the one that shares less out is simpler.
    """
    fitting = [row for row in rows if row.verdict == "fits"]
    if fitting:
        fastest = min(_likely(row, gpu) for row in fitting)
        return next(row for row in fitting if _likely(row, gpu) <= fastest * AS_FAST)
    tight = [row for row in rows if row.verdict == "tight"]
    return next(iter(tight), None) or min(
        rows, key=lambda row: row.simulated.peak_reserved, default=None
    )


def _likely(row: Shared, gpu: Gpu | None) -> float:
    took = _timed(row, gpu)
    return took.likely if took is not None else math.inf


def _timed(row: Shared, gpu: Gpu | None) -> money.Timed | None:
    if gpu is None:
        return None
    return money.by_work(row.simulated, nodes=row.sharding.nodes)(gpu)


def lead(found: Spread, place: Place) -> str:
    """One sentence on what counts for the plan: which way, and who chose it."""
    row = found.chosen
    if row is None:
        return ""
    gpus = f"{row.sharding.ranks} x {place.name}"
    if found.named:
        return f"It is that of each of {gpus} by {words(row.sharding)}, which the recipe names."
    why = {
        "fits": "the cheapest way of sharing that fits",
        "tight": "the first that runs at all",
        "does-not-fit": "which needs least",
    }[row.verdict]
    return f"It is that of each of {gpus} by {words(row.sharding)}, {why}: the recipe names none."


def words(sharding: Sharding) -> str:
    """A way in words: "zero3 with weights in main memory"."""
    added = {
        "none": "",
        "optimizer": " with states in main memory",
        "parameters": " with weights in main memory",
    }
    return f"{sharding.strategy}{added[sharding.offload]}"


def section(found: Spread, step: Step, place: Place, gpu: Gpu | None) -> Section:
    """The table of ways."""
    best = found.best
    rows = found.rows
    if best is None or best.verdict == "does-not-fit":
        most = max(row.sharding.ranks for row in rows)
        text = (
            f"Sharing it out over {'' if found.chosen else 'up to '}{most} x {place.name} does not "
            "make it fit: activations and logits are each GPU's own."
        )
    else:
        fits = "holds it" if best.verdict == "fits" else "is tight"
        text = f"{words(best.sharding)} on {best.sharding.ranks} x {place.name} {fits}."
    taken = sorted({row.nccl_bytes for row in rows if row.nccl_bytes})
    nccl = " or ".join(f"{count / MIB:,.0f}" for count in taken)
    text += (
        f"\nEach was simulated for the fullest GPU, which takes {counted(step.batch, 'row')} at a "
        "time as on one GPU."
    )
    if nccl:
        text += f" {nccl} MiB of each are NCCL's, {NCCL}; other links and versions differ."
    cells = tuple(
        (
            words(row.sharding),
            row.sharding.ranks,
            round(_process(row, step) / GIB, 1),
            round(row.host_bytes / GIB, 1) if row.host_bytes else None,
            _step_words(row, gpu),
            VERDICTS[row.verdict],
        )
        for row in rows
    )
    return Section(
        id="sharding",
        title="On more GPUs",
        text=text,
        evidence=(
            Table(
                name="memory of each GPU",
                columns=("shared out by", "GPUs", "GiB each", "host GiB", "a step", "then it"),
                rows=cells,
                total=len(cells),
            ),
        ),
    )


def _process(row: Shared, step: Step) -> int:
    return row.simulated.peak_reserved + step.device.context_bytes + row.nccl_bytes


def _step_words(row: Shared, gpu: Gpu | None) -> str | None:
    took = _timed(row, gpu)
    return f"{duration(took.low)} to {duration(took.high)}" if took is not None else None


def facts(found: Spread, step: Step, gpu: Gpu | None) -> list[dict[str, Any]]:
    """The ways for scripts; `step_seconds` is None where the host or another machine takes part."""
    made = []
    for row in found.rows:
        took = _timed(row, gpu)
        made.append(
            {
                "strategy": row.sharding.strategy,
                "offload": row.sharding.offload,
                "gpus": row.sharding.ranks,
                "chosen": row is found.chosen,
                "process_bytes": _process(row, step),
                "peak_allocated_bytes": row.simulated.peak_allocated,
                "peak_reserved_bytes": row.simulated.peak_reserved,
                "nccl_bytes": row.nccl_bytes,
                "nccl_source": NCCL,
                "host_bytes": row.host_bytes,
                "moved_bytes": row.simulated.moved_bytes,
                "crossing_bytes": row.simulated.crossing_bytes,
                "step_seconds": None
                if took is None
                else {"value": took.likely, "low": took.low, "high": took.high},
                "verdict": row.verdict,
            }
        )
    return made
