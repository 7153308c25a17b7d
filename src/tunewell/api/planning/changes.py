"""What to change: moves ranked by what they save and cost, and the same step on more GPUs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunewell.api.planning.memory import Place, size_words
from tunewell.core.document import Section
from tunewell.core.finding import Safety, Table
from tunewell.core.progress import Progress
from tunewell.core.words import counted
from tunewell.plan.advice import Advice
from tunewell.plan.hunt import Simulate
from tunewell.plan.launch import Layout
from tunewell.plan.moves import MOVES, possible
from tunewell.plan.moves.sharding import Sharding, shardings
from tunewell.plan.rank import search
from tunewell.plan.simulated import NotSimulated, PhasePeak, Simulated
from tunewell.plan.step import Step
from tunewell.subjects.recipe import Recipe

GIB = 1024**3
FEWEST_SHOWN, SHOWN = 3, 5
SIMULATIONS, SIMULATIONS_TO_FIT = 12, 24
"""Simulations spent on what to change, unless told otherwise; more where it is to be written."""

SEVERAL = (2, 4, 8)
"""How many GPUs are looked at where one was named that does not hold the step."""

GATHERED_LAYERS = 2
"""Layers that are whole on each GPU while weights are shared out: the one that is computed, and the
next one that is gathered meanwhile."""

VERDICTS = {"fits": "fits", "tight": "tight", "does-not-fit": "does not fit"}


@dataclass(frozen=True, slots=True)
class Shared:
    """One layout over several GPUs, and bytes of the process on each of them."""

    sharding: Sharding
    process: int

    def verdict(self, available: int) -> str:
        """Whether it fits; on paper there is no least capacity."""
        return "fits" if self.process <= available else "does-not-fit"


def advise(
    recipe: Recipe,
    step: Step,
    simulate: Simulate,
    seconds: Callable[[Simulated], float],
    capacity: int,
    *,
    most: int,
    known: Simulated,
    progress: Progress,
) -> tuple[Advice, ...]:
    """What to change, the best first, by at most so many simulations beside the one that is known.

    Only moves that the reader of the recipe can make are tried; without a file every move can.
    """
    moves = possible(recipe, MOVES, step) if recipe.file is not None else MOVES

    def told(steps: Sequence[Step]) -> list[Simulated | NotSimulated]:
        answers: list[Simulated | NotSimulated] = []
        for each in steps:
            answers += [known] if each == step else simulate([each])
            progress.advance()
        return answers

    progress.begin("what to change", most)
    found = search(step, told, seconds, capacity, most=most + 1, moves=moves)
    progress.end()
    return found


def section(found: Sequence[Advice], place: Place, context: int, *, fits: bool) -> Section:
    """The ranked changes with what each costs."""
    if not found:
        text = (
            "No change was found that makes it faster and still fits."
            if fits
            else "No change of the recipe was found to help: take a larger GPU, or more of them."
        )
        return Section(id="changes", title="What to change", text=text)
    best = found[0]
    text = "None of these alone makes it fit; with more or larger GPUs they help."
    if fits:
        text = f"It fits as it is. To make it faster: {best.title}."
    elif best.fit == "fits":
        text = f"{_lead(best)}: {best.title}."
    shown = _shown(found)
    rows = []
    for number, advice in enumerate(shown, start=1):
        process = advice.simulated.peak_reserved + context
        rows.append(
            (
                f"{number}. {advice.title}",
                round(process / GIB, 1),
                round(advice.saved / GIB, 1),
                round(100 * advice.slower),
                VERDICTS[advice.fit],
            )
        )
    costs = tuple(
        (
            number,
            "; ".join(dict.fromkeys(move.speed.words for move in advice.moves)),
            "; ".join(dict.fromkeys(move.quality.words for move in advice.moves)),
        )
        for number, advice in enumerate(shown, start=1)
    )
    text += (
        f"\nEach was simulated as the one above, for {place.name} "
        f"({size_words(place.available)}), at the same effective batch."
    )
    return Section(
        id="changes",
        title="What to change",
        text=text,
        evidence=(
            Table(
                name="changes, the best first",
                columns=("change", "GiB", "saved", "time, %", "then it"),
                rows=tuple(rows),
                total=len(found),
            ),
            Table(
                name="what each costs",
                columns=("", "in speed", "in quality"),
                rows=costs,
                total=len(found),
            ),
        ),
    )


def _shown(found: Sequence[Advice]) -> Sequence[Advice]:
    """Changes that make it fit, or at least a few of the others: they help beside other changes."""
    fitting = sum(advice.fit == "fits" for advice in found)
    return found[: min(max(fitting, FEWEST_SHOWN), SHOWN)]


def _lead(best: Advice) -> str:
    if best.safety is Safety.SAFE:
        return "The smallest change that makes it fit, after which the same is learned"
    return "The smallest change that makes it fit, which changes what is learned"


def facts(found: Sequence[Advice], context: int) -> list[dict[str, Any]]:
    """The changes for scripts; bytes are of the process."""
    return [
        {
            "moves": [move.id for move in advice.moves],
            "title": advice.title,
            "process_bytes": advice.simulated.peak_reserved + context,
            "peak_allocated_bytes": advice.simulated.peak_allocated,
            "saved_bytes": advice.saved,
            "step_seconds": advice.seconds,
            "slower": advice.slower,
            "verdict": advice.fit,
            "safety": advice.safety.value,
            "batch": advice.step.batch,
            "accumulation": advice.step.accumulation,
            "speed": [{"words": m.speed.words, "source": m.speed.source} for m in advice.moves],
            "quality": [
                {"words": m.quality.words, "source": m.quality.source} for m in advice.moves
            ],
        }
        for advice in found
    ]


def on_more(
    step: Step, found: Simulated, *, gpu: str, gpus: int, layers: int | None
) -> tuple[Shared, ...]:
    """The same rows on each of several GPUs, with what can be shared out divided.

    Of one GPU that was named, two, four and eight are looked at.
    """
    counts = (gpus,) if gpus > 1 else SEVERAL
    shared: list[Shared] = []
    for count in counts:
        base = Layout(command=("train.py",), gpu=gpu, gpus=count, strategy="ddp")
        for sharding in shardings(base, step):
            if sharding.layout.offload != "none":
                continue
            if gpus == 1 and sharding.layout.strategy not in {"zero2", "fsdp"}:
                continue
            process = _process(found, sharding, layers) + step.device.context_bytes
            shared.append(Shared(sharding, process))
    return tuple(shared)


def _process(found: Simulated, sharding: Sharding, layers: int | None) -> int:
    """Bytes that the allocator takes on each GPU: the phase that needs most after the division.

    What the allocator takes beyond tensors stays in the proportion that was simulated.
    """
    slack = found.peak_reserved / max(1, found.peak_allocated)
    most = max(_divided(phase, sharding, layers) for phase in found.phases)
    return round(most * slack)


def _divided(phase: PhasePeak, sharding: Sharding, layers: int | None) -> int:
    held: Mapping[str, int] = phase.by_kind
    total = 0
    for kind, count in held.items():
        total += count // sharding.over if kind in sharding.shared else count
    if "weights" in sharding.shared and layers:
        total += GATHERED_LAYERS * held.get("weights", 0) // layers
    if "gradients" not in sharding.shared:
        total += held.get("gradients", 0)  # the buckets that DDP exchanges hold them once more
    return total


def sharding_section(shared: Sequence[Shared], place: Place) -> Section:
    """The table of layouts over several GPUs."""
    first = next((s for s in shared if s.verdict(place.available) == "fits"), None)
    if first is None:
        most = max(s.sharding.layout.gpus for s in shared)
        return Section(
            id="sharding",
            title="On more GPUs",
            text=f"Sharding over up to {most} x {place.name} does not make it fit: activations and "
            "logits are each GPU's own.",
        )
    text = f"{first.sharding.layout.strategy} on {first.sharding.layout.words} holds it."
    rows = tuple(
        (
            s.sharding.layout.strategy,
            s.sharding.layout.gpus,
            round(s.process / GIB, 1),
            VERDICTS[s.verdict(place.available)],
            "; ".join(cost.words for cost in s.sharding.speed),
        )
        for s in shared
    )
    return Section(
        id="sharding",
        title="On more GPUs",
        text=f"{text}\nOn paper, with {counted(GATHERED_LAYERS, 'layer')} whole at a time where "
        "weights are shared out; each GPU takes as many rows as the one above.",
        evidence=(
            Table(
                name="memory of each GPU",
                columns=("sharded by", "GPUs", "GiB each", "then it", "exchanged"),
                rows=rows,
                total=len(rows),
            ),
        ),
    )


def sharding_facts(shared: Sequence[Shared], available: int) -> list[dict[str, Any]]:
    """The layouts for scripts."""
    return [
        {
            "strategy": s.sharding.layout.strategy,
            "gpus": s.sharding.layout.gpus,
            "process_bytes": s.process,
            "verdict": s.verdict(available),
            "exchanged": [cost.words for cost in s.sharding.speed],
        }
        for s in shared
    ]
