"""Memory of the step: the formula's first answer, the simulation's exact one, and pictures."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass

from tunewell.api.planning.flags import of_the_step
from tunewell.api.planning.lengths import Length
from tunewell.api.planning.opened import Opened
from tunewell.core.document import Section
from tunewell.core.finding import Bar, Bars, Evidence, Layers, Limit, Stretch, Table
from tunewell.knowledge import gpus
from tunewell.knowledge.gpus import Gpu
from tunewell.plan import needed
from tunewell.plan.config_size import first
from tunewell.plan.for_recipe import memory_of, size_of
from tunewell.plan.memory import RUNTIME_BYTES
from tunewell.plan.needed import Needed
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import KINDS, Device, Step
from tunewell.plan.step_of import Described, Rows, step_of
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe

MIB, GIB = 1024**2, 1024**3
LEAST_SHOWN = 0.2
"""The share of what there is below which a picture is drawn to its own scale."""
HOLDERS_SHOWN = 6
GPUS_SHOWN = 3
MAKER = "NVIDIA"
"""Whose GPUs the simulation knows the kernels of."""

NEWEST_TORCH = "2.14"
"""What a fresh installation gets (2026-11-27): runs of October 2026 report 2.14.0+cu130."""

FLASH_FROM = 80
"""Compute capability from which flash attention exists, which has always taken grouped heads."""

NO_CAPABILITY = 80
"""What a GPU is taken for that has no compute capability of CUDA: one with fused attention."""

IN_WORDS = {
    "load": "while it is loaded",
    "forward": "in the forward pass",
    "backward": "in the backward pass",
    "optimizer": "in the optimizer's step",
    "evaluation": "while it is evaluated",
    "generation": "while it generates",
    "saving": "while it is saved",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What the step must fit in: its name and bytes. On a GPU the context counts too."""

    name: str
    available: int
    on_gpu: bool


def place_of(opened: Opened) -> Place | None:
    """The GPU, or main memory where this machine trains without one; None where nobody says."""
    machine = opened.machine
    if machine.gpu_bytes is not None:
        return Place(machine.gpu_name or "the GPU", machine.gpu_bytes, on_gpu=True)
    if opened.elsewhere or machine.memory_bytes <= 0:
        return None
    return Place("main memory", machine.memory_bytes, on_gpu=False)


def device_of(gpu: Gpu | None, torch: str | None = None) -> Device:
    """What of a GPU decides how much memory a step takes; a common one where none is known.

    `torch` is the version of PyTorch that will run there, None for the one that is installed here.
    """
    if gpu is None:
        return Device(torch=torch)
    return Device(
        capability=gpu.capability or NO_CAPABILITY, context_bytes=gpu.context_bytes, torch=torch
    )


def torch_of(opened: Opened) -> str | None:
    """The version of PyTorch that will run: the flag's, or the newest on a GPU that is not here."""
    if opened.flags.torch is not None or opened.flags.gpu is None or opened.gpu is None:
        return opened.flags.torch
    return NEWEST_TORCH


def _said_of_torch(opened: Opened, step: Step) -> tuple[str, ...]:
    """That the newest PyTorch was taken, where an older one would need more memory."""
    taken = opened.flags.torch is None and step.device.torch == NEWEST_TORCH
    slow = step.device.capability < FLASH_FROM or (step.autocast or step.weights) == "fp32"
    heads = first(step.config, "num_attention_heads")
    grouped = first(step.config, "num_key_value_heads") not in {None, heads}
    if not (taken and slow and grouped and step.attention == "sdpa"):
        return ()
    said = (
        f"PyTorch {NEWEST_TORCH}, whose memory-efficient attention takes grouped heads; older ones "
        "make the whole matrix of attention here: --torch 2.13"
    )
    return (said,)


def by_formula(opened: Opened, length: Length) -> Needed | None:
    """The first answer; None where the model's sizes are not known."""
    if opened.checkpoint is None:
        return None
    size = size_of(opened.checkpoint, task=opened.recipe.task)
    if size is None:
        return None
    memory = memory_of(
        opened.recipe,
        opened.checkpoint,
        size,
        batch=opened.recipe.per_device_train_batch_size,
        length=length.longest,
    )
    return needed.by_formula(memory, parameters=size.parameters, assumptions=opened.assumptions)


def rows_of(recipe: Recipe, dataset: Dataset | None, length: Length) -> Rows:
    """The batch that needs the most memory: that of the longest rows."""
    labels = None
    if dataset is not None and recipe.task == "text-classification":
        labels = len(dataset.label_names) or None
    padded = length.measured and length.mean < length.longest
    return Rows(length.longest, padded=padded, labels=labels)


def described(opened: Opened, length: Length) -> Described | NotSimulated:
    """The step of the recipe, for a simulation."""
    if opened.checkpoint is None:
        return NotSimulated(reason="no model was named: pass --model")
    rows = rows_of(opened.recipe, opened.dataset, length)
    found = step_of(
        opened.recipe,
        opened.checkpoint,
        rows,
        device_of(opened.gpu, torch_of(opened)),
        trl=installed_version("trl"),
        precision=opened.over.precision,
    )
    if isinstance(found, NotSimulated):
        return found
    step = of_the_step(opened.flags, opened.over.loop, found.step)
    return dataclasses.replace(
        found, step=step, assumptions=(*found.assumptions, *_said_of_torch(opened, step))
    )


def installed_version(package: str) -> tuple[int, ...] | None:
    """The first two numbers of an installed package's version; None where it is not installed."""
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts if part.isdigit())


def by_simulation(
    found: Simulated, device: Device, place: Place | None, assumptions: tuple[str, ...]
) -> Needed:
    """The exact answer. In main memory Python and its libraries stand for the context."""
    if place is None or place.on_gpu:
        return needed.simulated(found, device.context_bytes, assumptions)
    return needed.in_main_memory(found, RUNTIME_BYTES, assumptions)


def size_words(count: float) -> str:
    """Bytes as GiB."""
    return f"{count / GIB:,.1f} GiB" if count >= GIB / 10 else f"{count / GIB:,.2f} GiB"


def range_words(answer: Needed) -> str:
    """The range of an answer in GiB."""
    return f"{answer.low / GIB:,.1f} to {answer.high / GIB:,.1f}"


def verdict_words(answer: Needed, place: Place | None) -> str:
    """Whether it fits, and by how much: one clause."""
    if place is None:
        return (
            f"it needs {size_words(answer.process)}; name a GPU with --gpu to see whether it fits"
        )
    gap = size_words(abs(place.available - answer.process))
    match answer.verdict(place.available):
        case "fits":
            close = "" if answer.sure(place.available) else ", which is within the error"
            return f"it fits in {place.name} with {gap} to spare{close}"
        case "tight" if answer.exact:
            return (
                f"it is tight in {place.name}: set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
            )
        case "tight":
            return f"it may not fit in {place.name}: the range holds what there is"
        case _:
            least = size_words(max(answer.smallest - place.available, 0))
            return f"it does not fit in {place.name}: at least {least} are missing"


def section(
    answer: Needed,
    place: Place | None,
    opened: Opened,
    length: Length,
    *,
    how: str = "",
    what: str = "",
    of: str = "",
) -> Section:
    """Memory by phase and kind, and what holds it at the peak.

    `how` says, after a formula's estimate, how to get the exact answer. `what` says what was
    simulated, where that is not a batch of the longest rows by their length alone, and `of` whose
    memory it is where there are several GPUs.
    """
    recipe = opened.recipe
    batch = recipe.per_device_train_batch_size
    rows = f"{batch:,} row{'s' if batch != 1 else ''} of {length.longest:,} tokens"
    peak = f", most of all {IN_WORDS[answer.peak_phase]}" if answer.peak_phase in IN_WORDS else ""
    text = (
        f"{size_words(answer.process)} ({range_words(answer)}) for "
        f"{what or f'{rows} at a time ({length.basis})'}{peak}."
    )
    text += f" {of}" if of else ""
    words = verdict_words(answer, place)
    text += f"\n{words[0].upper()}{words[1:]}."
    if answer.exact and place is not None and answer.verdict(place.available) == "tight":
        text += (
            f" Without it PyTorch's allocator takes up to {size_words(answer.process)}, and it "
            f"runs in {size_words(answer.smallest)} only by giving back what it has cached."
        )
    if place is None or answer.verdict(place.available) == "does-not-fit":
        text += _holding(answer)
    if not answer.exact:
        text += f"\nThis is a formula's estimate, whose range is wide. {how}"
    evidence: list[Evidence] = [_bars(answer, place)]
    if answer.holders:
        evidence.append(_holders(answer))
    return Section(
        id="memory", title="Memory of one training step", text=text, evidence=tuple(evidence)
    )


def _holding(answer: Needed) -> str:
    """The smallest GPUs that hold the step as it is, one of each size."""
    found: dict[int, str] = {}
    for gpu in sorted(gpus.table(), key=lambda g: g.memory_bytes):
        if gpu.maker == MAKER and answer.high <= gpu.memory_bytes:
            found.setdefault(round(gpu.memory_gib), gpu.name)
    if not found:
        return " No single GPU that is known holds it as it is."
    named = ", ".join(f"{name} ({size} GB)" for size, name in list(found.items())[:GPUS_SHOWN])
    return f" The smallest GPUs that hold it as it is: {named}."


def timeline(answer: Needed, place: Place | None) -> Section | None:
    """Memory from moment to moment through the step; None without a simulation."""
    if len(answer.moments) < 2:  # noqa: PLR2004  one moment is no line
        return None
    phases: list[Stretch] = []
    for moment in answer.moments:
        if not phases or phases[-1].name != moment.phase:
            phases.append(Stretch(name=moment.phase, first=moment.event, last=moment.event))
        else:
            phases[-1] = Stretch(
                name=moment.phase, first=phases[-1].first, last=float(moment.event)
            )
    parts = _parts(answer)
    scale = _Scale(answer.allocated)
    return Section(
        id="timeline",
        title="Memory through the step",
        text="What tensors hold, from the first operation of the step to its last.",
        evidence=(
            Layers(
                name="memory through one step",
                axis="allocations",
                at=tuple(float(moment.event) for moment in answer.moments),
                parts=parts,
                values=tuple(
                    tuple(scale.of(m.by_kind.get(kind, 0)) for kind in parts)
                    for m in answer.moments
                ),
                unit=scale.unit,
                stretches=tuple(phases),
                limits=scale.limits(place),
            ),
        ),
    )


def _parts(answer: Needed) -> tuple[str, ...]:
    """The kinds of all pictures of an answer, so that each looks the same in every one."""
    held = [p.by_kind for p in answer.phases] + [m.by_kind for m in answer.moments]
    return _kinds(max(each.get(kind, 0) for each in held) for kind in KINDS)


def _kinds(most: Iterable[int]) -> tuple[str, ...]:
    """The kinds that are there at all, in their order."""
    return tuple(kind for kind, count in zip(KINDS, most, strict=True) if count > 0)


@dataclass(frozen=True, slots=True)
class _Scale:
    """The unit that a picture is drawn in, by the most that it shows."""

    most: int

    @property
    def unit(self) -> str:
        return "GiB" if self.most >= GIB else "MiB"

    def of(self, count: int) -> float:
        return round(count / (GIB if self.most >= GIB else MIB), 4)

    def limits(self, place: Place | None) -> tuple[Limit, ...]:
        """The line of what there is, unless it is so far off that no bar could be seen."""
        if place is None or self.most < place.available * LEAST_SHOWN:
            return ()
        return (Limit(name=place.name, value=round(self.of(place.available), 2)),)


def _bars(answer: Needed, place: Place | None) -> Bars:
    """A bar a phase with what its tensors are for, or one bar for an estimate."""
    scale = _Scale(answer.allocated)
    if not answer.phases:
        parts = _kinds(answer.by_kind.get(kind, 0) for kind in KINDS)
        estimate = Bar(name="estimate", values=tuple(scale.of(answer.by_kind[k]) for k in parts))
        rows: tuple[Bar, ...] = (estimate,)
        name = "memory by kind"
    else:
        parts = _parts(answer)
        rows = tuple(
            Bar(name=p.phase, values=tuple(scale.of(p.by_kind.get(kind, 0)) for kind in parts))
            for p in answer.phases
        )
        name = "most memory at once in each phase"
    return Bars(name=name, parts=parts, rows=rows, unit=scale.unit, limits=scale.limits(place))


def _module(name: str) -> str:
    """A module's name without what wraps the model."""
    for prefix in ("base_model.model.", "model."):
        name = name.removeprefix(prefix)
    return name or "-"


def _operation(name: str) -> str:
    return name.removeprefix("aten::").strip("_")


def _holders(answer: Needed) -> Table:
    scale = _Scale(answer.allocated)
    rows = [
        (h.kind, _operation(h.operation), _module(h.module), h.count, round(scale.of(h.bytes), 2))
        for h in answer.holders[:HOLDERS_SHOWN]
    ]
    return Table(
        name="what holds it at the peak",
        columns=("kind", "made by", "in", "tensors", scale.unit),
        rows=tuple(rows),
        total=len(answer.holders),
    )
