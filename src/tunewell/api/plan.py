"""`tunewell plan`: standard values with their sources, memory by kind, steps and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tunewell.core.document import Document, Section
from tunewell.core.finding import Table
from tunewell.core.words import counted
from tunewell.engine.documents import build
from tunewell.engine.examine import Outcomes, examine
from tunewell.facts.model_family import family_of, parameters_of
from tunewell.facts.recipe import optimizer_steps
from tunewell.facts.recipe import setting as value_of
from tunewell.knowledge import gpus
from tunewell.knowledge.standard_values import lookup, settings_of
from tunewell.plan.memory import Memory, ModelSize, estimate
from tunewell.plan.time import Duration, from_peak
from tunewell.readers.machine import read_machine
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe

if TYPE_CHECKING:
    from tunewell.api.workspace import Workspace
    from tunewell.subjects.tokenization import Tokenization

FAMILIES = frozenset({"hyperparameters", "hardware"})
ASSUMED_LENGTH = 512
PATHS = {"lora_r": "adapter.r", "beta": "preference.beta"}
"""Where a recipe keeps a setting that the table of standard values knows by another name."""
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class _Length:
    longest: int
    mean: float
    basis: str


def plan(workspace: Workspace, *, machine: Machine | None = None) -> Document:
    """What published recipes use beside what this one says, and whether it fits this machine.

    Data and model may be missing: what needs them is then left out, with the reason.
    """
    recipe = workspace.recipe
    machine = machine or read_machine(workspace.runs)
    checkpoint, tokenization = _model(workspace)
    subjects: list[object] = [recipe, machine]
    subjects += [s for s in (workspace.dataset, checkpoint, tokenization) if s is not None]
    outcomes = examine(subjects, settings=workspace.settings, families=FAMILIES)
    sections = [_standard_values(recipe, checkpoint)]
    facts: dict[str, Any] = {}
    length = _length(recipe, checkpoint, tokenization)
    size = ModelSize.of(checkpoint, task=recipe.task) if checkpoint is not None else None
    memory = None
    if size is not None:
        memory = estimate(
            size,
            batch=recipe.per_device_train_batch_size,
            length=length.longest,
            method=recipe.method,
            precision=recipe.precision,
        )
        sections.append(_memory_section(memory, machine, recipe, length))
        facts["memory"] = _memory_facts(memory, machine)
    if workspace.dataset is not None:
        rows = len(workspace.dataset.train)
        steps = optimizer_steps(recipe, rows)
        facts["steps"] = {"optimizer_steps": steps, "train_rows": rows}
        duration = _duration(recipe, size, machine, length, steps)
        if duration is not None:
            facts["steps"] |= {"seconds_low": duration.low, "seconds_high": duration.high}
        sections.append(_steps_section(recipe, rows, steps, duration))
    return build(
        "plan",
        outcomes,
        verdict=_verdict(outcomes, memory, machine),
        title=str(workspace.root.resolve().name),
        examined=workspace.examined,
        sections=sections,
        facts=facts,
    )


def _model(workspace: Workspace) -> tuple[Checkpoint | None, Tokenization | None]:
    if workspace.model is None:
        return None, None
    from tunewell.readers.checkpoint import read_checkpoint
    from tunewell.readers.tokenization import read_tokenization

    checkpoint = read_checkpoint(workspace.model)
    if workspace.dataset is None or checkpoint.tokenizer_file is None:
        return checkpoint, None
    cut = workspace.recipe.max_length
    return checkpoint, read_tokenization(workspace.dataset, checkpoint, cut)


def _length(
    recipe: Recipe, checkpoint: Checkpoint | None, tokenization: Tokenization | None
) -> _Length:
    cuts = [recipe.max_length, checkpoint.max_length if checkpoint is not None else None]
    cut = min((n for n in cuts if n is not None), default=None)
    if tokenization is not None and len(tokenization.lengths):
        lengths = tokenization.lengths if cut is None else tokenization.lengths.clip(max=cut)
        return _Length(int(lengths.max()), float(lengths.mean()), "the longest training row")
    if cut is not None:
        return _Length(cut, float(cut), "where rows are cut")
    return _Length(ASSUMED_LENGTH, float(ASSUMED_LENGTH), "assumed: neither data nor model says")


def _standard_values(recipe: Recipe, checkpoint: Checkpoint | None) -> Section:
    parameters = parameters_of(recipe, checkpoint)
    family = family_of(recipe, checkpoint)
    rows: list[tuple[str | float | int | None, ...]] = []
    for setting in settings_of(recipe.task, recipe.method):
        value = lookup(
            recipe.task,
            recipe.method,
            setting,
            parameters=parameters,
            family=family.name if family is not None else None,
        )
        if value is None:
            continue
        yours = value_of(recipe, PATHS.get(setting, setting))
        rows.append(
            (
                setting,
                yours,
                value.typical,
                f"{value.low:g} to {value.high:g}",
                "; ".join(source.name for source in value.sources),
            )
        )
    size = f" and {parameters / 1e6:,.1f} million parameters" if parameters else ""
    return Section(
        id="standard-values",
        title="Standard values",
        text=(
            f"Published values for {recipe.task} with method {recipe.method}{size}."
            if rows
            else f"Nothing is published here for {recipe.task} with method {recipe.method}."
        ),
        evidence=(
            Table(
                name="standard values",
                columns=("setting", "yours", "standard", "range", "sources"),
                rows=tuple(rows),
                total=len(rows),
            ),
        )
        if rows
        else (),
    )


def _available(machine: Machine) -> tuple[int, str]:
    if machine.gpu_bytes is not None:
        return machine.gpu_bytes, machine.gpu_name or "the GPU"
    return machine.memory_bytes, "main memory"


def _memory_section(memory: Memory, machine: Machine, recipe: Recipe, length: _Length) -> Section:
    available, place = _available(machine)
    rows = [(kind, round(count / GIB, 3)) for kind, count in memory.by_kind.items()]
    rows.append(("estimate", round(memory.total / GIB, 3)))
    return Section(
        id="memory",
        title="Memory of one training step",
        text=(
            f"{memory.low / GIB:,.1f} to {memory.high / GIB:,.1f} GiB, most likely "
            f"{memory.total / GIB:,.1f}, for {recipe.per_device_train_batch_size} rows of "
            f"{length.longest} tokens ({length.basis}); {place} has {available / GIB:,.1f} GiB."
        ),
        evidence=(
            Table(
                name="memory by kind",
                columns=("kind", "GiB"),
                rows=tuple(rows),
                total=len(rows),
            ),
        ),
    )


def _memory_facts(memory: Memory, machine: Machine) -> dict[str, Any]:
    available, place = _available(machine)
    return {
        "by_kind": memory.by_kind,
        "total": memory.total,
        "low": memory.low,
        "high": memory.high,
        "available": available,
        "where": place,
        "verdict": memory.verdict(available),
    }


def _duration(
    recipe: Recipe, size: ModelSize | None, machine: Machine, length: _Length, steps: int
) -> Duration | None:
    gpu = gpus.find(machine.gpu_name) if machine.gpu_name else None
    if gpu is None or size is None:
        return None
    return from_peak(
        gpu,
        parameters=size.parameters,
        tokens_per_step=round(recipe.effective_batch_size * length.mean),
        steps=steps,
        half=recipe.precision != "fp32",
    )


def _steps_section(recipe: Recipe, rows: int, steps: int, duration: Duration | None) -> Section:
    warm_up = round(recipe.warmup_ratio * steps)
    time = (
        f"{duration.low:,.0f} to {duration.high:,.0f} seconds at {duration.basis}."
        if duration is not None
        else "How long they take is not known before a step was measured on this machine."
    )
    return Section(
        id="steps",
        title="Steps",
        text=(
            f"{counted(steps, 'optimizer step')} of {recipe.effective_batch_size:,} rows over "
            f"{rows:,} training rows, {warm_up:,} of them warm-up. {time}"
        ),
    )


def _verdict(outcomes: Outcomes, memory: Memory | None, machine: Machine) -> str:
    far = len(outcomes.findings)
    settings = (
        f"{counted(far, 'setting')} should be looked at"
        if far
        else "the settings lie where published recipes lie"
    )
    if memory is None:
        return f"{settings[0].upper()}{settings[1:]}; memory was not planned: name a model."
    available, place = _available(machine)
    fits = {
        "fits": f"It fits in {place}",
        "tight": f"It is tight in {place}",
        "does-not-fit": f"It does not fit in {place}",
    }[memory.verdict(available)]
    return f"{fits}, and {settings}."
