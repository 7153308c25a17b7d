"""`tunewell plan`: will it fit, how long, what it costs, what to change; standard values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tunewell.api.planning import changes, money, several
from tunewell.api.planning import memory as memories
from tunewell.api.planning.answer import Answer
from tunewell.api.planning.answering import answer_of, fits
from tunewell.api.planning.fitting import Fitted, fit_of
from tunewell.api.planning.learned import prediction_file
from tunewell.api.planning.lengths import Length, Run, length_of, run_of
from tunewell.api.planning.memory import Place
from tunewell.api.planning.opened import Call, Opened, open_plan
from tunewell.api.planning.several import Spread
from tunewell.api.planning.standard import standard_values
from tunewell.core.document import Document, Section
from tunewell.core.errors import UserError
from tunewell.core.progress import Progress, Silent
from tunewell.core.words import counted
from tunewell.engine import registry
from tunewell.engine.documents import build
from tunewell.engine.examine import Outcomes, examine
from tunewell.engine.settings import Settings
from tunewell.facts.machine import shared_out
from tunewell.knowledge.gpus import Gpu
from tunewell.knowledge.prices import Price
from tunewell.plan import child
from tunewell.plan.corrections import write_prediction
from tunewell.plan.session import Stream
from tunewell.plan.step import Step
from tunewell.subjects.machine import Machine
from tunewell.subjects.prediction import Prediction

__all__ = ["Call", "Planned", "Prices", "plan", "plan_opened"]

FAMILIES = frozenset({"hyperparameters", "hardware"})

HOW_EXACT = "Without --no-simulate the step itself is simulated, with no GPU and no weights."

OF_THIS_MACHINE = frozenset({"disk-too-small", "main-memory-too-small", "shared-memory-too-small"})
"""Checks that measure the machine at hand beside its GPU, which a GPU named by a flag is not in."""

BY_FORMULA = frozenset(
    {"longest-batch-comes-late", "checkpointing-not-needed", "small-micro-batches"}
)
"""Checks that reckon with the formula: where a step was simulated, its numbers alone are told."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The document, and what makes the step fit; `why_not` says why there is nothing of it.

    `prediction` is what a run of the step is to be held against, None where no GPU was simulated.
    """

    document: Document
    fitted: Fitted | None = None
    why_not: str = ""
    prediction: Prediction | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of the user's own, None for those that come with Tunewell, and the day it is."""

    table: tuple[Price, ...] | None = None
    today: dt.date = field(default_factory=lambda: dt.datetime.now(tz=dt.UTC).date())


def plan(
    call: Call,
    *,
    machine: Machine | None = None,
    simulate: Stream | None = child.simulate,
    most: int | None = None,
    prices: Path | None = None,
    today: dt.date | None = None,
    progress: Progress | None = None,
) -> Planned:
    """Whether it fits and what to change, how long it takes, what it costs, what is published.

    Data and model may be missing: what needs them is then left out, with the reason.

    Args:
        call: paths and flags.
        machine: the machine that trains; this one where None. A GPU that is named goes before it.
        simulate: runs training steps on paper; None leaves the formula's answer alone.
        most: simulations spent on what to change; by default some where the step does not fit, and
            none where it does.
        prices: the user's own file of prices.
        today: the day on which the age of prices is told.
        progress: is told the first answer while the exact one is worked out.

    Raises:
        InputError: if something named is not there or cannot be read.
        SettingsError: if a flag, a setting or the file of prices cannot be used.
    """
    table = money.read_prices(prices)
    progress = progress or Silent()
    opened = open_plan(call, machine=machine)
    planned = plan_opened(
        opened,
        simulate=simulate,
        most=most,
        prices=Prices(table, today) if today is not None else Prices(table),
        progress=progress,
    )
    # Runs find it beside what they teach; a project that has had none gets no folder from a plan.
    if planned.prediction is not None and opened.runs is not None and opened.runs.is_dir():
        try:
            write_prediction(prediction_file(opened.runs), planned.prediction)
        except UserError as error:
            progress.note(f"the next run is not held against this plan: {error}")
    return planned


def plan_opened(
    opened: Opened,
    *,
    simulate: Stream | None,
    most: int | None,
    prices: Prices,
    progress: Progress,
) -> Planned:
    """The plan of what was read."""
    length = length_of(opened.recipe, opened.checkpoint, opened.tokenization)
    rows = len(opened.dataset.train) if opened.dataset is not None else opened.rows
    run = run_of(opened.recipe, rows, opened.flags, length)
    place = memories.place_of(opened)
    answer = answer_of(opened, length, place, simulate, most, progress)
    sections: list[Section] = []
    facts: dict[str, Any] = {}
    if answer.needed is not None:
        how = HOW_EXACT if answer.step is None and simulate is None else answer.how
        lead = several.lead(answer.spread, place) if answer.spread and place is not None else ""
        sections.append(
            memories.section(
                answer.needed, place, opened, length, how=how, what=answer.what, of=lead
            )
        )
        facts["memory"] = answer.needed.facts(
            place.available if place is not None else None, place.name if place else None
        )
        through = memories.timeline(answer.needed, place)
        sections += [through] if through is not None else []
    sections += _what_to_change(answer, opened, place, facts)
    sections += _time_and_price(opened, answer, length, run, prices, facts)
    if answer.learned is not None and answer.simulated is not None:
        learned = answer.learned.facts(answer.simulated, answer.likely)
        if learned is not None:
            facts["corrections"] = learned
    assumed = _assumed(opened, answer)
    if assumed:
        sections.append(Section(id="assumed", title="What was assumed", text="\n".join(assumed)))
    parameters = _of_the_model(opened, answer)
    sections.append(standard_values(opened.recipe, opened.checkpoint, parameters=parameters))
    outcomes = _examined(opened, answer, place)
    document = build(
        "plan",
        outcomes,
        verdict=_verdict(outcomes, opened, answer, place),
        title=opened.title,
        examined=opened.examined,
        sections=sections,
        facts=facts,
    )
    made = fit_of(opened, answer, place)
    said = answer.prediction if place is not None and place.on_gpu else None
    if isinstance(made, str):
        return Planned(document, why_not=made, prediction=said)
    return Planned(document, made, prediction=said)


def _of_the_model(opened: Opened, answer: Answer) -> int | None:
    """Parameters of the model itself, without adapters."""
    needed = answer.needed
    if needed is None or needed.parameters is None:
        return None
    adapted = opened.recipe.adapter is not None and needed.trainable is not None
    return needed.parameters - (needed.trainable or 0 if adapted else 0)


def _of_one(step: Step, spread: Spread) -> Step:
    """The step without what NCCL takes of its GPU."""
    nccl = spread.chosen.nccl_bytes if spread.chosen is not None else 0
    device = msgspec.structs.replace(step.device, context_bytes=step.device.context_bytes - nccl)
    return msgspec.structs.replace(step, device=device)


def _what_to_change(
    answer: Answer, opened: Opened, place: Place | None, facts: dict[str, Any]
) -> list[Section]:
    sections: list[Section] = []
    if answer.step is None or answer.needed is None or place is None:
        return sections
    context = answer.step.device.context_bytes
    if answer.advice is not None:
        facts["changes"] = changes.facts(answer.advice, context)
        fits = answer.needed.verdict(place.available) == "fits"
        sections.append(changes.section(answer.advice, place, context, fits=fits))
    spread = answer.spread
    if spread is not None and spread.rows:
        alone = _of_one(answer.step, spread)
        facts["sharding"] = several.facts(spread, alone, opened.gpu)
        sections.append(several.section(spread, alone, place, opened.gpu))
    return sections


def _time_and_price(
    opened: Opened,
    answer: Answer,
    length: Length,
    run: Run | None,
    prices: Prices,
    facts: dict[str, Any],
) -> list[Section]:
    sections: list[Section] = []
    parameters = answer.needed.parameters if answer.needed is not None else None
    clock = (
        money.by_work(answer.simulated, nodes=_nodes(answer.step))
        if answer.simulated is not None
        else money.by_peak(opened.recipe, parameters, length)
    )
    answer.seconds = clock(opened.gpu) if opened.gpu is not None else None
    clock = answer.learned.clock(clock, opened.gpu) if answer.learned is not None else clock
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
    # With no rows named, a round number of steps has a price all the same.
    paid = run or (money.SOME_STEPS if opened.gpu is not None else None)
    if paid is not None and answer.needed is not None and on_gpus:
        count = opened.recipe.hardware.world_size or 1
        changed = _changed(answer, opened.gpu)
        bf16 = opened.recipe.precision == "bf16" or opened.recipe.hardware.dtype == "bfloat16"
        steps = money.timed(clock, answer.needed, opened.gpu, changed, bf16=bf16)
        found = money.priced(steps, paid, prices.table, count)
        cost = money.cost_facts(found, opened.gpu, of=money.what_of(paid))
        if cost is not None:
            facts["cost"] = cost
        priced = money.price_section(
            found, opened.gpu, steps, paid, changed=changed is not None, today=prices.today
        )
        sections += [priced] if priced is not None else []
    return sections


def _changed(answer: Answer, gpu: Gpu | None) -> money.Timed | None:
    """Seconds of the step after the change that makes it fit."""
    best = next(iter(answer.advice or ()), None)
    if best is None or best.fit != "fits" or gpu is None or answer.needed is None:
        return None
    if answer.needed.verdict(gpu.memory_bytes) == "fits":
        return None
    return money.by_work(best.simulated, nodes=_nodes(best.step))(gpu)


def _nodes(step: Step | None) -> int:
    return step.sharding.nodes if step is not None and step.sharding is not None else 1


def _assumed(opened: Opened, answer: Answer) -> list[str]:
    """Sentences on what nobody said, and on what could not be done."""
    said = list(answer.needed.assumptions if answer.needed is not None else opened.assumptions)
    if answer.simulated is None and (opened.checkpoint is not None or opened.own is not None):
        said.append(f"the step was not simulated: {answer.reason}")
    if answer.learned is not None and answer.learned.factors.text:
        said.append(answer.learned.factors.text)
    if answer.simulated is not None and opened.gpu is None:
        said.append("attention as on a GPU of compute capability 8.0 or more: none was named")
    shares = opened.recipe.hardware.deepspeed or opened.recipe.hardware.fsdp
    if shares and (answer.step is None or answer.step.sharding is None):
        why = answer.spread.reason if answer.spread is not None else "say on how many: --gpus N"
        said.append(
            f"the memory is that of one GPU without the sharding that the recipe asks for: {why}"
        )
    return [_sentence(one) for one in dict.fromkeys(said)]


def _sentence(clause: str) -> str:
    """The clause as a sentence; a first word that is a name ("bf16") keeps its letters."""
    named = any(char.isdigit() for char in clause.partition(" ")[0])
    begun = clause if named else clause[0].upper() + clause[1:]
    return begun if begun.endswith(".") else f"{begun}."


def _examined(opened: Opened, answer: Answer, place: Place | None) -> Outcomes:
    """The checks over the recipe, held against the machine that will train where it is known."""
    subjects: list[object] = [opened.recipe]
    known = (opened.dataset, opened.checkpoint, opened.tokenization)
    subjects += [subject for subject in known if subject is not None]
    missing: Mapping[str, str] = opened.missing
    if place is not None:
        subjects.append(opened.machine)
    else:
        missing = {**missing, "Machine": "name the GPU that will train: --gpu NAME"}
    shared = answer.step is not None and answer.step.sharding is not None
    if (
        answer.needed is not None
        and answer.needed.exact
        and (shared or not shared_out(opened.recipe))
    ):
        subjects.append(answer.needed)
    reasons: dict[str, str] = {}
    if answer.needed is not None and answer.needed.exact:
        reasons |= dict.fromkeys(BY_FORMULA, "the step was simulated, for its longest batch")
    if opened.flags.gpu is not None:
        reason = f"{opened.flags.gpu} was named and may be in another machine"
        reasons |= dict.fromkeys(OF_THIS_MACHINE, reason)
    settings = _without(opened.settings, reasons)
    # What nobody wrote is no finding: without a recipe only its hardware is looked at.
    families = FAMILIES if opened.written else FAMILIES - {"hyperparameters"}
    return examine(subjects, settings=settings, families=families, missing=missing)


def _without(settings: Settings, reasons: Mapping[str, str]) -> Settings:
    """The settings without some checks, each with the reason why it does not look."""
    ignored = {c.code: reasons[c.name] for c in registry.load() if c.name in reasons}
    return msgspec.structs.replace(settings, ignore={**ignored, **settings.ignore})


def _verdict(outcomes: Outcomes, opened: Opened, answer: Answer, place: Place | None) -> str:
    said: list[str] = []
    if answer.needed is not None:
        row = answer.spread.chosen if answer.spread is not None else None
        by = f"by {several.words(row.sharding)} on {row.sharding.ranks} GPUs " if row else ""
        clause = memories.verdict_words(answer.needed, place)
        if not answer.needed.exact and "the range" not in clause:
            clause += ", by a formula"
        said.append(f"{by}{clause}")
    best = next(iter(answer.advice or ()), None)
    if best is not None and best.fit == "fits":
        aim = "faster" if fits(answer, place) else "fit"
        said.append(f"to make it {aim}: {best.title}")
    others = [finding for finding in outcomes.findings if finding.name != "does-not-fit"]
    if others:
        said.append(f"{counted(len(others), 'setting')} should be looked at")
    elif opened.written:
        said.append("the settings lie where published recipes lie")
    if answer.needed is None:
        said.append("memory was not planned: name a model")
    return f"{'; '.join(said)[:1].upper()}{'; '.join(said)[1:]}."
