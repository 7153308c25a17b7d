"""What to change: moves ranked by what they save and cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tunewell.api.planning.memory import Place, size_words
from tunewell.core.document import Section
from tunewell.core.finding import Safety, Table
from tunewell.core.progress import Progress
from tunewell.plan.advice import Advice
from tunewell.plan.hunt import Simulate
from tunewell.plan.moves import MOVES, possible
from tunewell.plan.rank import search
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.subjects.recipe import Recipe

GIB = 1024**3
FEWEST_SHOWN, SHOWN = 3, 5
SIMULATIONS, SIMULATIONS_TO_FIT = 12, 24
"""Simulations spent on what to change, unless told otherwise; more where it is to be written."""

VERDICTS = {"fits": "fits", "tight": "tight", "does-not-fit": "does not fit"}


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
