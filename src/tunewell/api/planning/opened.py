"""What a plan is made of: recipe, model, data and machine, from paths and flags."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tunewell.api.gather import gather
from tunewell.api.gathered import Gathered
from tunewell.api.given import Given, roles_of, settings_near
from tunewell.api.planning.flags import Flags, Overridden, default_recipe, overridden
from tunewell.api.planning.model import FoundModel, find_model, known_model
from tunewell.api.recipes import find_recipe
from tunewell.api.runs_folder import runs_folder
from tunewell.core.document import Examined
from tunewell.core.errors import InputError, SettingsError
from tunewell.engine.settings import Settings
from tunewell.knowledge import gpus
from tunewell.knowledge.gpus import Gpu
from tunewell.plan.config_size import first
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Device
from tunewell.plan.step_of import usual_task
from tunewell.readers.machine import read_machine
from tunewell.readers.recipes import read_recipe
from tunewell.readers.recognise import Found
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization

Subject = TypeVar("Subject")

CONFIG = "config.json"
BESIDE_A_MODEL = frozenset({".json", ".safetensors", ".bin", ".txt", ".md", ".model", ".jinja"})
"""Suffixes of a folder that save_pretrained wrote, or that the hub holds: nothing to train on."""

OWN = frozenset({Kind.CLASSIFICATION})
"""Kinds of data that Tunewell itself trains on, by its own defaults where nothing is written."""

SIZES = {
    "hidden_size": ("hidden_size", "d_model", "n_embd", "dim"),
    "num_hidden_layers": (
        "num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers",
    ),
    "num_attention_heads": (
        "num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads",
    ),
}  # fmt: skip
"""What config.json must say, and by which names."""


STAGES = ("hidden_sizes", "depths")
"""Sizes of models for images whose stages differ, a list each (ResNet, ConvNeXt, Swin)."""

MOST_OF_A_SIZE = 10**8
"""Beyond the width, the layers and the vocabulary of any model: a slip of the hand."""


@dataclass(frozen=True, slots=True)
class Call:
    """The call: paths that hold a project, a configuration or data, and the flags over them."""

    paths: tuple[Path, ...] = ()
    flags: Flags = field(default_factory=Flags)
    config: Path | None = None
    text: str | None = None
    label: str | None = None
    hub: bool = False


@dataclass(frozen=True, slots=True)
class OwnStep:
    """The simulation of a trainer's own step, and in words what was simulated."""

    found: Simulated | NotSimulated
    what: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What was read. `gpu` is what it is planned for where one is known by name.

    `written` says whether a configuration was found, `elsewhere` that nothing tells which machine
    will train. `rows` are those of training data that is not read. `own` simulates the step of a
    trainer as it stands; None where nothing stands, or where flags change the step. `runs` is where
    the project's runs are kept, None where no project was named.
    """

    title: str
    settings: Settings
    flags: Flags
    recipe: Recipe
    checkpoint: Checkpoint | None
    dataset: Dataset | None
    tokenization: Tokenization | None
    machine: Machine
    gpu: Gpu | None
    over: Overridden
    written: bool
    elsewhere: bool = False
    rows: int | None = None
    examined: tuple[Examined, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    own: Callable[[Device], OwnStep] | None = None
    runs: Path | None = None


def open_plan(call: Call, *, machine: Machine | None = None) -> Opened:
    """Read what a call names.

    Raises:
        InputError: if something named is not there or cannot be read.
        SettingsError: if a flag or a setting cannot be used.
    """
    call.flags.validate()
    call = _model_alone(call)
    gpu, assumed = resolve_gpu(call.flags.gpu)
    first_path = call.paths[0] if call.paths else Path()
    config = call.config
    own = config if config is None or config.suffix == ".toml" else None
    settings = settings_near(first_path, own) if call.paths or own else Settings()
    found = _model(call, settings)
    gathered, recipe = _gather(call, settings, found)
    checkpoint = _one(gathered, Checkpoint) or (found.checkpoint if found is not None else None)
    if checkpoint is None and recipe is not None and recipe.model is not None:
        known = known_model(str(recipe.model))
        if known is not None and known.checkpoint is not None:
            found, checkpoint = known, known.checkpoint
            gathered.missing.pop("Checkpoint", None)
    if found is not None and found.checkpoint is not None:
        gathered.examined.append(
            Examined(what="model", path=str(found.checkpoint.path), reason=found.reason)
        )
    if checkpoint is not None:
        assumed += require_sizes(checkpoint)
    written = recipe is not None
    if recipe is None:
        recipe = _unwritten(gathered.dataset, checkpoint, settings, call.flags)
        written = recipe.format == "tunewell"
    here = machine or _one(gathered, Machine) or read_machine()
    gpu = gpu or (gpus.find(here.gpu_name) if here.gpu_name else None)
    stored = _stored(checkpoint)
    over = overridden(
        recipe, call.flags, stored=stored, bf16=gpu is None or gpu.bf16, written=written
    )
    if call.flags.gpu is not None and gpu is not None:
        here = dataclasses.replace(
            here, gpu_name=gpu.name, gpu_bytes=gpu.memory_bytes, gpus=call.flags.gpus or 1
        )
    elsewhere = here.gpu_bytes is None and over.recipe.format != "tunewell"
    return Opened(
        title=gathered.title or (str(checkpoint.path) if checkpoint is not None else "plan"),
        settings=settings,
        flags=call.flags,
        recipe=over.recipe,
        checkpoint=checkpoint,
        dataset=gathered.dataset,
        tokenization=_one(gathered, Tokenization),
        machine=here,
        gpu=gpu,
        over=over,
        written=written,
        elsewhere=elsewhere,
        examined=tuple(gathered.examined),
        missing=gathered.missing,
        assumptions=(*assumed, *over.assumptions),
        runs=runs_folder(first_path) if call.paths else None,
    )


def _model_alone(call: Call) -> Call:
    """A model's folder or config.json that is passed as the one path is the model of the plan."""
    if call.flags.model is not None or call.config is not None or len(call.paths) != 1:
        return call
    path = call.paths[0]
    file = path / CONFIG if path.is_dir() else path
    if file.name != CONFIG or not file.is_file():
        return call
    if path.is_dir() and any(each.suffix not in BESIDE_A_MODEL for each in path.iterdir()):
        return call
    flags = dataclasses.replace(call.flags, model=str(path.resolve()))
    return dataclasses.replace(call, paths=(), flags=flags)


def resolve_gpu(name: str | None) -> tuple[Gpu | None, tuple[str, ...]]:
    """The GPU of that name, and what was assumed to find it.

    Raises:
        SettingsError: if the table has none of that name.
    """
    if name is None:
        return None, ()
    try:
        found = gpus.resolve(name)
    except gpus.UnknownGpuError as error:
        raise SettingsError(str(error)) from None
    return found.gpu, () if found.assumed is None else (found.assumed,)


def require_sizes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Refuse a config.json that does not say how large its model is.

    Returns:
        What is assumed where the part of a model of several parts leaves something out.

    Raises:
        InputError: if a size is missing, which transformers would fill with another model's.
    """
    config: Mapping[str, Any] = checkpoint.config
    if any(isinstance(config.get(name), list) for name in STAGES) and config.get("model_type"):
        return ()
    inner = config.get("text_config")
    looked = inner if isinstance(inner, Mapping) else config
    missing = [name for name, names in SIZES.items() if not first(looked, *names)]
    for name in (*(name for names in SIZES.values() for name in names), "vocab_size"):
        value = first(looked, name)
        if value is not None and not 0 < value <= MOST_OF_A_SIZE:
            message = (
                f"{checkpoint.path}: the model's config.json says {name} {value:,}, which no model "
                "has, so nothing can be said of its memory"
            )
            raise InputError(message)
    if not config.get("model_type"):
        missing.insert(0, "model_type")
    if not missing:
        return ()
    said = " and ".join(missing)
    if looked is not config and "model_type" not in missing:
        return (f"config.json leaves {said} out: what transformers takes for it counts",)
    message = (
        f"{checkpoint.path}: the model's config.json does not say {said}, so nothing can be said "
        "of its memory"
    )
    raise InputError(message)


def _model(call: Call, settings: Settings) -> FoundModel | None:
    if call.flags.model is None:
        return None
    base = settings.file.parent if settings.file is not None else Path()
    return find_model(call.flags.model, base=base, hub=call.hub)


def _gather(
    call: Call, settings: Settings, found: FoundModel | None
) -> tuple[Gathered, Recipe | None]:
    """Everything that lies at the paths, and the recipe if one is written."""
    folder = found.folder if found is not None else None
    given = Given(
        paths=call.paths,
        config=call.config,
        model=str(folder) if folder is not None else None,
        text=call.text,
        label=call.label,
        hub=call.hub,
    )
    roles = roles_of(given, settings)
    if not roles and folder is None:
        title = given.first.resolve().name if call.paths else ""
        return Gathered(title=title), _own_recipe(settings)
    unknown = [role for role in roles if role.role == "unknown" and role.path in call.paths]
    if unknown and len(unknown) == len(roles):
        message = (
            f"{unknown[0].path}: {unknown[0].reason}; a plan is made of a project folder, a "
            "training configuration, a script, data or --model"
        )
        raise InputError(message)
    recipe = find_recipe(roles, given.paths, settings).recipe
    gathered = gather(given, settings)
    if recipe is None and folder is None and gathered.dataset is None:
        _refuse_silent_scripts(roles, call.paths)
    if not call.paths and folder is not None:
        gathered.title = folder.name
    taken = _one(gathered, Recipe)
    return gathered, taken if recipe is not None else _own_recipe(settings)


def _refuse_silent_scripts(roles: Iterable[Found], passed: Collection[Path]) -> None:
    """Refuse a script that was named and says nothing that can be read: nothing of it would count.

    Raises:
        InputError: if there is one.
    """
    silent = [role.path for role in roles if role.role == "script" and role.path in passed]
    if silent:
        message = (
            f"{silent[0]}: no settings can be read from it, as it names no TrainingArguments, "
            "SFTConfig or Trainer with values written out; say them by flags: --model FOLDER "
            "--method full --batch 8 --seq 512 --loop plain"
        )
        raise InputError(message)


def _own_recipe(settings: Settings) -> Recipe | None:
    """Tunewell's own defaults, where a project of its own is opened."""
    return read_recipe(settings.recipe, settings.file) if settings.file is not None else None


def _unwritten(
    dataset: Dataset | None, checkpoint: Checkpoint | None, settings: Settings, flags: Flags
) -> Recipe:
    """The recipe where none is written: Tunewell's for data that it trains on, or the Trainer's."""
    if flags.task is None and (checkpoint is None or dataset is not None):
        kind = dataset.train.kind if dataset is not None else None
        if kind is None or kind in OWN:
            return read_recipe(settings.recipe, settings.file)
    return default_recipe(flags.task or usual_task(checkpoint.config if checkpoint else {}))


def _stored(checkpoint: Checkpoint | None) -> str | None:
    if checkpoint is None:
        return None
    value = checkpoint.config.get("dtype") or checkpoint.config.get("torch_dtype")
    return value if isinstance(value, str) else None


def _one(gathered: Gathered, kind: type[Subject]) -> Subject | None:
    return next((s for s in gathered.subjects if isinstance(s, kind)), None)
