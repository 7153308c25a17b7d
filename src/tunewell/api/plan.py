"""`tunewell plan`: will it fit, how long, what it costs, what to change; standard values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tunewell.api.planning import memory as memories
from tunewell.api.planning import money
from tunewell.api.planning.lengths import Length, Run, length_of, run_of
from tunewell.api.planning.memory import Place, Simulate
from tunewell.api.planning.opened import Call, Opened, open_plan
from tunewell.api.planning.standard import standard_values
from tunewell.core.document import Document, Section
from tunewell.core.progress import Progress, Silent
from tunewell.core.words import counted
from tunewell.engine import registry
from tunewell.engine.documents import build
from tunewell.engine.examine import Outcomes, examine
from tunewell.engine.settings import Settings
from tunewell.knowledge.prices import Price
from tunewell.plan import child
from tunewell.plan.needed import Needed
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.plan.step_of import Described
from tunewell.subjects.machine import Machine

__all__ = ["Call", "plan"]

FAMILIES = frozenset({"hyperparameters", "hardware"})

OF_THIS_MACHINE = frozenset({"disk-too-small"})
"""Checks that measure the disk of the machine at hand, which a GPU named by a flag is not in."""


@dataclass(slots=True)
class _Answer:
    """What is known of the memory: the step if one was simulated, and why none was."""

    needed: Needed | None
    step: Step | None = None
    simulated: Simulated | None = None
    reason: str = ""


def plan(
    call: Call,
    *,
    machine: Machine | None = None,
    simulate: Simulate | None = child.simulate,
    prices: Path | None = None,
    progress: Progress | None = None,
) -> Document:
    """Whether it fits and what to change, how long it takes, what it costs, what is published.

    Data and model may be missing: what needs them is then left out, with the reason.

    Args:
        call: paths and flags.
        machine: the machine that trains; this one where None. A GPU that is named goes before it.
        simulate: runs a training step on paper; None leaves the formula's answer alone.
        prices: the user's own file of prices.
        progress: is told the first answer while the exact one is worked out.

    Raises:
        InputError: if something named is not there or cannot be read.
        SettingsError: if a flag, a setting or the file of prices cannot be used.
    """
    progress = progress or Silent()
    table = money.read_prices(prices)
    opened = open_plan(call, machine=machine)
    length = length_of(opened.recipe, opened.checkpoint, opened.tokenization)
    run = run_of(opened.recipe, opened.dataset, call.flags, length)
    place = memories.place_of(opened)
    answer = _answer(opened, length, place, simulate, progress)
    sections: list[Section] = []
    facts: dict[str, Any] = {}
    if answer.needed is not None:
        sections.append(memories.section(answer.needed, place, opened, length))
        facts["memory"] = answer.needed.facts(
            place.available if place is not None else None, place.name if place else None
        )
        through = memories.timeline(answer.needed, place)
        sections += [through] if through is not None else []
    sections += _time_and_price(opened, answer, length, run, table, facts)
    assumed = _assumed(opened, answer)
    if assumed:
        sections.append(Section(id="assumed", title="What was assumed", text="\n".join(assumed)))
    sections.append(
        standard_values(
            opened.recipe,
            opened.checkpoint,
            parameters=answer.needed.parameters if answer.needed is not None else None,
        )
    )
    outcomes = _examined(opened, answer, place)
    return build(
        "plan",
        outcomes,
        verdict=_verdict(outcomes, answer, place),
        title=opened.title,
        examined=opened.examined,
        sections=sections,
        facts=facts,
    )


def _answer(
    opened: Opened,
    length: Length,
    place: Place | None,
    simulate: Simulate | None,
    progress: Progress,
) -> _Answer:
    """The formula's answer at once, then that of the simulation."""
    first = memories.by_formula(opened, length)
    if opened.checkpoint is None:
        return _Answer(first, reason="no model was named")
    if simulate is None:
        return _Answer(first, reason="no simulation was asked for")
    if first is not None:
        progress.note(
            f"about {memories.size_words(first.process)} ({memories.range_words(first)}) by the "
            "formula; simulating the step ..."
        )
    described = memories.described(opened, length)
    if isinstance(described, NotSimulated):
        return _Answer(first, reason=described.reason)
    found = _simulated(described, simulate)
    if isinstance(found, NotSimulated):
        return _Answer(first, step=described.step, reason=found.reason)
    assumptions = (*opened.assumptions, *described.assumptions)
    needed = memories.by_simulation(found, described.step, place, assumptions)
    return _Answer(needed, step=described.step, simulated=found)


def _simulated(described: Described, simulate: Simulate) -> Simulated | NotSimulated:
    return next(iter(simulate([described.step])))


def _time_and_price(
    opened: Opened,
    answer: _Answer,
    length: Length,
    run: Run | None,
    table: tuple[Price, ...] | None,
    facts: dict[str, Any],
) -> list[Section]:
    sections: list[Section] = []
    parameters = answer.needed.parameters if answer.needed is not None else None
    clock = money.by_peak(opened.recipe, parameters, length)
    step = clock(opened.gpu) if opened.gpu is not None else None
    if run is not None:
        facts["steps"] = {"optimizer_steps": run.steps, "train_rows": run.rows}
    if step is not None and opened.gpu is not None:
        facts["time"] = money.time_facts(step, run)
        if run is not None:
            whole = step.times(run.steps)
            facts["steps"] |= {"seconds_low": whole.low, "seconds_high": whole.high}
        sections.append(money.time_section(step, run, opened.recipe, opened.gpu))
    elif run is not None:
        sections.append(money.steps_section(run, opened.recipe))
    on_gpus = opened.gpu is not None or opened.elsewhere
    if run is not None and answer.needed is not None and on_gpus:
        count = opened.recipe.hardware.world_size or 1
        cards = money.fitting(answer.needed, opened.gpu)
        found = money.priced(clock, run, cards, table, count)
        cost = money.cost_facts(found, opened.gpu)
        if cost is not None:
            facts["cost"] = cost
        priced = money.price_section(found, opened.gpu, clock, run)
        sections += [priced] if priced is not None else []
    return sections


def _assumed(opened: Opened, answer: _Answer) -> list[str]:
    """Sentences on what nobody said, and on what could not be done."""
    said = list(answer.needed.assumptions if answer.needed is not None else opened.assumptions)
    if answer.simulated is None and answer.step is not None and answer.reason:
        said.append(f"the step could not be simulated: {answer.reason}")
    elif answer.simulated is None and answer.needed is not None and answer.reason:
        said.append(f"the step was not simulated: {answer.reason}")
    if answer.simulated is not None and opened.gpu is None:
        said.append("attention as on a GPU of compute capability 8.0 or more: none was named")
    sharded = opened.recipe.hardware.deepspeed or opened.recipe.hardware.fsdp
    if sharded:
        said.append("the memory is that of one GPU without the sharding that the recipe asks for")
    return [_sentence(one) for one in dict.fromkeys(said)]


def _sentence(clause: str) -> str:
    """The clause as a sentence; a first word that is a name ("bf16") keeps its letters."""
    named = any(char.isdigit() for char in clause.partition(" ")[0])
    begun = clause if named else clause[0].upper() + clause[1:]
    return begun if begun.endswith(".") else f"{begun}."


def _examined(opened: Opened, answer: _Answer, place: Place | None) -> Outcomes:
    """The checks over the recipe, held against the machine that will train where it is known."""
    subjects: list[object] = [opened.recipe]
    known = (opened.dataset, opened.checkpoint, opened.tokenization)
    subjects += [subject for subject in known if subject is not None]
    if place is not None:
        subjects.append(opened.machine)
    if answer.needed is not None and answer.needed.exact:
        subjects.append(answer.needed)
    named = opened.gpu is not None and place is not None and place.name == opened.gpu.name
    settings = _elsewhere(opened.settings, place) if named else opened.settings
    return examine(
        subjects, settings=settings, families=FAMILIES, missing=_missing(opened.missing, place)
    )


def _missing(missing: Mapping[str, str], place: Place | None) -> dict[str, str]:
    if place is not None:
        return dict(missing)
    return {**missing, "Machine": "name the GPU that will train: --gpu NAME"}


def _elsewhere(settings: Settings, place: Place | None) -> Settings:
    """The settings without checks of this machine's own disk."""
    where = place.name if place is not None else "the GPU"
    reason = f"the {where} was named and is in another machine"
    ignored = {c.code: reason for c in registry.load() if c.name in OF_THIS_MACHINE}
    return msgspec.structs.replace(settings, ignore={**ignored, **settings.ignore})


def _verdict(outcomes: Outcomes, answer: _Answer, place: Place | None) -> str:
    far = len(outcomes.findings)
    settings = (
        f"{counted(far, 'setting')} should be looked at"
        if far
        else "the settings lie where published recipes lie"
    )
    if answer.needed is None:
        return f"{settings[0].upper()}{settings[1:]}; memory was not planned: name a model."
    fits = memories.verdict_words(answer.needed, place)
    return f"{fits[0].upper()}{fits[1:]}; {settings}."
