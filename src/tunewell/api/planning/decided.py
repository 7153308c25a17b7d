"""A step simulated by `tunewell check` where arithmetic cannot say whether it fits."""

from __future__ import annotations

from typing import TypeVar

from tunewell.api.gathered import Gathered
from tunewell.api.planning import memory as memories
from tunewell.api.planning.lengths import Length, length_of
from tunewell.core.check import NotApplicableError
from tunewell.core.document import Section
from tunewell.facts.machine import require_whole_model_on_gpu
from tunewell.knowledge import gpus
from tunewell.plan import child, needed
from tunewell.plan.for_recipe import memory_of, size_of
from tunewell.plan.memory import Memory
from tunewell.plan.needed import Needed
from tunewell.plan.session import Stream
from tunewell.plan.simulated import NotSimulated
from tunewell.plan.step import Step
from tunewell.plan.step_of import step_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization

Subject = TypeVar("Subject")
SECONDS = 60.0
"""How long a check waits for it: beyond, the arithmetic stands as without PyTorch."""


def decide(gathered: Gathered, *, simulate: Stream | None = None) -> None:
    """Simulate the step once where the arithmetic's range holds what the GPU has, and say so.

    Nothing is added where there is no GPU that trains, no PyTorch, or no step to simulate: the
    checks then say what they say without.

    Args:
        gathered: the answer and a section are added to it.
        simulate: runs steps on paper; by default in a child process, for at most a minute.
    """
    recipe, checkpoint = _one(gathered, Recipe), _one(gathered, Checkpoint)
    machine, tokenization = _one(gathered, Machine), _one(gathered, Tokenization)
    if recipe is None or checkpoint is None or machine is None:
        return
    if _one(gathered, Needed) is not None or (simulate is None and not child.can_simulate()):
        return
    available = _available(recipe, machine)
    length = length_of(recipe, checkpoint, tokenization)
    formula = _formula(recipe, checkpoint, length)
    if available is None or formula is None or not formula.low <= available < formula.high:
        return
    gpu = gpus.find(machine.gpu_name) if machine.gpu_name else None
    described = step_of(
        recipe,
        checkpoint,
        memories.rows_of(recipe, gathered.dataset, length),
        memories.device_of(gpu),
        trl=memories.installed_version("trl"),
    )
    if isinstance(described, NotSimulated):
        return
    run = simulate or (lambda steps: child.simulate(steps, timeout=SECONDS))
    found = next(iter(run([described.step])))
    if isinstance(found, NotSimulated):
        return
    context = described.step.device.context_bytes
    answer = needed.simulated(found, context, described.assumptions)
    gathered.subjects.append(answer)
    place = memories.Place(machine.gpu_name or "the GPU", available, on_gpu=True)
    gathered.sections.append(_section(answer, place, formula.low, formula.high, described.step))


def _available(recipe: Recipe, machine: Machine) -> int | None:
    """Bytes of the one GPU that holds the whole model; None without such a one."""
    if (recipe.hardware.world_size or 1) > 1:
        return None
    try:
        return require_whole_model_on_gpu(recipe, machine)
    except NotApplicableError:
        return None


def _formula(recipe: Recipe, checkpoint: Checkpoint, length: Length) -> Memory | None:
    size = size_of(checkpoint, task=recipe.task)
    if size is None:
        return None
    batch = recipe.per_device_train_batch_size
    return memory_of(recipe, checkpoint, size, batch=batch, length=length.longest)


def _section(answer: Needed, place: memories.Place, low: int, high: int, step: Step) -> Section:
    rows = f"{step.batch:,} row{'s' if step.batch != 1 else ''}"
    said = memories.verdict_words(answer, place)
    assumed = "".join(f" Assumed: {clause}." for clause in answer.assumptions)
    return Section(
        id="simulated",
        title="Memory of one training step",
        text=(
            f"Arithmetic gives {memories.size_words(low)} to {memories.size_words(high)}, between "
            f"which {place.name} lies ({memories.size_words(place.available)}): so one step of "
            f"{rows} of {step.length:,} tokens was simulated. It takes "
            f"{memories.size_words(answer.process)} ({memories.range_words(answer)}): {said}."
            f"{assumed}"
        ),
    )


def _one(gathered: Gathered, kind: type[Subject]) -> Subject | None:
    return next((subject for subject in gathered.subjects if isinstance(subject, kind)), None)
