"""What is said by flags of `tunewell plan`, or by keywords of `tunewell.plan`, over a recipe."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from tunewell.core.errors import SettingsError
from tunewell.knowledge.config_defaults import defaults_of
from tunewell.plan.for_recipe import ASSUMED_LENGTH, LANGUAGE, LANGUAGE_LENGTH
from tunewell.plan.step import Loop, Precision, Step
from tunewell.plan.step_of import optimizer_of
from tunewell.subjects.recipe import Adapter, Recipe

METHODS = ("full", "lora", "qlora")
PRECISIONS = ("fp32", "fp16", "bf16")
LOOPS: tuple[Loop, ...] = ("trainer", "plain")
ATTENTIONS = {"sdpa": "sdpa", "eager": "eager", "flash": "flash_attention_2"}
TASKS = (
    "sft",
    "dpo",
    "pretraining",
    "text-classification",
    "token-classification",
    "seq2seq",
    "embedding",
    "image-classification",
    "speech-seq2seq",
)
OPTIMIZERS = frozenset(
    {"adamw_torch", "adamw_torch_fused", "adafactor", "adamw_anyprecision", "adamw_torch_4bit"}
    | {"adamw_torch_8bit", "ademamix", "sgd", "adagrad", "adamw_bnb_8bit", "adamw_8bit"}
    | {"ademamix_8bit", "lion_8bit", "lion_32bit", "paged_adamw_32bit", "paged_adamw_8bit"}
    | {"paged_ademamix_32bit", "paged_ademamix_8bit", "paged_lion_32bit", "paged_lion_8bit"}
    | {"rmsprop", "rmsprop_bnb", "rmsprop_bnb_8bit", "rmsprop_bnb_32bit", "galore_adamw"}
    | {"galore_adamw_8bit", "galore_adafactor", "galore_adamw_layerwise", "lomo", "adalomo"}
    | {"grokadamw", "schedule_free_radam", "schedule_free_adamw", "schedule_free_sgd"}
    | {"apollo_adamw", "apollo_adamw_layerwise", "stable_adamw"}
)
"""`OptimizerNames` of transformers 5.23 that run on a GPU."""

MOST = {
    "lora_rank": 65_536,
    "batch": 1_000_000,
    "seq": 100_000_000,
    "target_seq": 100_000_000,
    "accumulation": 1_000_000,
    "gpus": 1_000_000,
    "rows": 10**15,
    "tokens": 10**18,
}
"""What nobody means, far above what is trained today: sizes stay within 64 bits."""

TORCH = re.compile(r"\d{1,3}\.\d{1,3}(\.\w+)?(\+\w+)?")
COUNTS = tuple(MOST)
MOST_EPOCHS = 1_000_000

LONG = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
HALF = frozenset({"bfloat16", "float16"})


@dataclass(frozen=True, slots=True)
class Flags:
    """Every flag, None where it is not given. Names are those of the command line."""

    model: str | None = None
    method: str | None = None
    lora_rank: int | None = None
    lora_targets: str | None = None
    lora_dropout: float | None = None
    double_quant: bool | None = None
    batch: int | None = None
    seq: int | None = None
    target_seq: int | None = None
    padded: bool | None = None
    precision: str | None = None
    autocast: bool | None = None
    attention: str | None = None
    checkpointing: bool | None = None
    optimizer: str | None = None
    accumulation: int | None = None
    loop: str | None = None
    task: str | None = None
    gpu: str | None = None
    gpus: int | None = None
    torch: str | None = None
    rows: int | None = None
    tokens: int | None = None
    epochs: float | None = None

    def validate(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            SettingsError: with one sentence that names the flag.
        """
        if self.model is not None and not self.model.strip():
            message = "--model names nothing: give a folder, its config.json or a known name"
            raise SettingsError(message)
        if self.torch is not None and not TORCH.fullmatch(self.torch):
            message = f"--torch {self.torch!r} is no version of PyTorch: say 2.13 or 2.14.0"
            raise SettingsError(message)
        for name in COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                message = f"{_flag(name)} must be at least 1, not {value:,}"
                raise SettingsError(message)
            if value is not None and value > MOST[name]:
                message = f"{_flag(name)} must be at most {MOST[name]:,}, not {value:,}"
                raise SettingsError(message)
        if self.epochs is not None and not 0 < self.epochs <= MOST_EPOCHS:
            message = f"--epochs must be above 0 and at most {MOST_EPOCHS:,}, not {self.epochs:g}"
            raise SettingsError(message)
        if self.lora_dropout is not None and not 0 <= self.lora_dropout < 1:
            message = f"--lora-dropout must be 0 or more and below 1, not {self.lora_dropout:g}"
            raise SettingsError(message)
        _one_of("method", self.method, METHODS)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("attention", self.attention, tuple(ATTENTIONS))
        _one_of("task", self.task, TASKS)
        _one_of("loop", self.loop, LOOPS)
        if self.optimizer is not None and optimizer_of(self.optimizer) not in OPTIMIZERS:
            message = (
                f"--optimizer {self.optimizer!r} is none of TrainingArguments.optim; "
                "adamw, adamw_torch_fused, adamw_8bit, paged_adamw_8bit and adafactor are"
            )
            raise SettingsError(message)
        if self.autocast and self.precision == "fp32":
            message = "--autocast computes in 16 bits: name them with --precision bf16 or fp16"
            raise SettingsError(message)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _one_of(name: str, value: str | None, known: Collection[str]) -> None:
    if value is not None and value not in known:
        message = f"{_flag(name)} {value!r} is none of {', '.join(known)}"
        raise SettingsError(message)


def default_recipe(task: str) -> Recipe:
    """What the Hugging Face Trainer does where nothing is written."""
    return _with(
        Recipe(task=task, format="transformers"),
        {k: v for k, v in defaults_of("transformers").items() if k != "task"},
    )


@dataclass(frozen=True, slots=True)
class Overridden:
    """The recipe with the flags in it.

    `precision` is that of the weights and that of autocast where flags decide, None where the
    recipe does. `loop` is what runs the step. `assumptions` are sentences on what nobody said.
    """

    recipe: Recipe
    precision: tuple[Precision, Precision | None] | None = None
    loop: Loop = "trainer"
    assumptions: tuple[str, ...] = ()


def overridden(
    recipe: Recipe, flags: Flags, *, stored: str | None, bf16: bool, written: bool
) -> Overridden:
    """The recipe with what the flags say.

    Args:
        recipe: what a configuration says, or `default_recipe`.
        flags: validated.
        stored: precision of the model's files ("bfloat16"), None where not known.
        bf16: whether the GPU computes in bf16.
        written: whether a configuration was given, whose own precision counts then.

    Raises:
        SettingsError: if a flag does not go with the recipe.
    """
    changes: dict[str, Any] = {}
    assumed: list[str] = []
    method = flags.method or recipe.method
    if flags.method is not None:
        changes["method"] = flags.method
        changes["hardware.load_in_4bit"] = flags.method == "qlora"
        changes["hardware.load_in_8bit"] = False
    changes |= _adapter(recipe, flags, method, assumed)
    for value, path in (
        (flags.batch, "per_device_train_batch_size"),
        (flags.seq, "max_length"),
        (flags.accumulation, "gradient_accumulation_steps"),
        (flags.task, "task"),
        (flags.gpus, "hardware.world_size"),
        (flags.epochs, "num_train_epochs"),
        (flags.checkpointing, "hardware.gradient_checkpointing"),
        (ATTENTIONS.get(flags.attention or ""), "hardware.attn_implementation"),
        (optimizer_of(flags.optimizer) if flags.optimizer else None, "optim"),
    ):
        if value is not None:
            changes[path] = value
    if flags.double_quant and not (
        changes.get("hardware.load_in_4bit") or recipe.hardware.load_in_4bit
    ):
        message = "--double-quant needs --method qlora: it packs the scales of packed weights"
        raise SettingsError(message)
    if flags.epochs is not None:
        changes["max_steps"] = -1
    chosen = flags.precision
    if chosen is None and not written:
        chosen = _usual(stored, bf16=bf16)
        if chosen != "fp32":
            assumed.append(
                f"{chosen} is taken: the model's files are in 16 bits and no --precision is given"
            )
    precision = _precisions(recipe, flags, method, chosen)
    if precision is not None:
        weights, autocast = precision
        changes["hardware.dtype"] = LONG[weights]
        changes["precision"] = autocast or "fp32"
    if recipe.max_length is None and flags.seq is None and not written:
        task = flags.task or recipe.task
        changes["max_length"] = LANGUAGE_LENGTH if task in LANGUAGE else ASSUMED_LENGTH
        assumed.append(f"rows of {changes['max_length']:,} tokens: no --seq is given")
    said = frozenset(changes) if written else recipe.given
    loop = _loop(flags, assumed, written=written)
    return Overridden(_with(recipe, changes, given=said), precision, loop, tuple(assumed))


def _loop(flags: Flags, assumed: list[str], *, written: bool) -> Loop:
    """What runs the step: the flag, or the Trainer unless nothing is written and autocast is off.

    Whoever names `--no-autocast` and no configuration describes a loop of their own: the Trainer's
    mixed precision always has autocast. Such a loop holds a batch's outputs until the next one's.
    """
    if flags.loop is not None:
        return "plain" if flags.loop == "plain" else "trainer"
    if written or flags.autocast is not False:
        return "trainer"
    assumed.append(
        "a training loop of your own that keeps a step's outputs until the next, as --no-autocast "
        "is given; the Trainer lets go of them: --loop trainer"
    )
    return "plain"


def of_the_step(flags: Flags, loop: Loop, step: Step) -> Step:
    """The step with what flags say that no recipe holds."""
    changes: dict[str, Any] = {"loop": loop}
    if loop == "plain":
        changes["clipping"] = False  # what the Trainer does unasked, a loop of one's own does not
    if flags.double_quant is not None:
        changes["double_quantization"] = flags.double_quant and step.quantization == "nf4"
    if flags.padded is not None:
        changes["padded"] = flags.padded
    if flags.target_seq is not None:
        changes["target_length"] = flags.target_seq
    return msgspec.structs.replace(step, **changes)


def _usual(stored: str | None, *, bf16: bool) -> Precision:
    if stored not in HALF:
        return "fp32"
    return "bf16" if bf16 else "fp16"


def _precisions(
    recipe: Recipe, flags: Flags, method: str, chosen: str | None
) -> tuple[Precision, Precision | None] | None:
    """Precision of the weights and of autocast, None where the recipe decides.

    Full fine-tuning with autocast trains fp32 weights, as the Trainer's mixed precision does;
    frozen weights are in the precision itself, with autocast unless it is switched off.
    """
    if chosen is None and flags.autocast is None:
        return None
    chosen = chosen or recipe.precision
    if chosen not in {"bf16", "fp16"}:
        if flags.autocast:
            message = "--autocast computes in 16 bits: name them with --precision bf16 or fp16"
            raise SettingsError(message)
        return "fp32", None
    half: Precision = "bf16" if chosen == "bf16" else "fp16"
    autocast = half if flags.autocast is not False else None
    if method == "full" and autocast is not None:
        return "fp32", autocast
    return half, autocast


def _adapter(recipe: Recipe, flags: Flags, method: str, assumed: list[str]) -> dict[str, Any]:
    named = flags.lora_rank is not None or flags.lora_targets is not None
    if method not in {"lora", "qlora"}:
        if named or flags.lora_dropout is not None:
            message = "--lora-rank, --lora-targets and --lora-dropout need --method lora or qlora"
            raise SettingsError(message)
        return {"adapter": None} if flags.method is not None else {}
    adapter = recipe.adapter or Adapter()
    if recipe.adapter is None and not named:
        assumed.append("adapters as PEFT makes them by default: rank 8, on query and value")
    if flags.lora_rank is not None:
        adapter = dataclasses.replace(adapter, r=flags.lora_rank)
    if flags.lora_dropout is not None:
        adapter = dataclasses.replace(adapter, lora_dropout=flags.lora_dropout)
    if flags.lora_targets is not None:
        names = tuple(part.strip() for part in flags.lora_targets.split(",") if part.strip())
        if not names:
            message = "--lora-targets names no module: say all-linear, or q_proj,v_proj"
            raise SettingsError(message)
        targets = "all-linear" if names == ("all-linear",) else names
        adapter = dataclasses.replace(adapter, target_modules=targets)
    return {"adapter": adapter}


def _with(
    recipe: Recipe, changes: dict[str, Any], *, given: frozenset[str] = frozenset()
) -> Recipe:
    """The recipe with other values at dotted paths, which no longer stand in its file."""
    own = {path: value for path, value in changes.items() if "." not in path}
    groups: dict[str, dict[str, Any]] = {}
    for path, value in changes.items():
        group, dot, name = path.partition(".")
        if dot:
            groups.setdefault(group, {})[name] = value
    for group, values in groups.items():
        own[group] = dataclasses.replace(getattr(recipe, group), **values)
    places = {path: at for path, at in recipe.places.items() if path not in changes}
    return dataclasses.replace(
        recipe,
        **own,
        given=recipe.given | given,
        places=MappingProxyType(places),
        unknown=recipe.unknown - frozenset(changes),
    )
