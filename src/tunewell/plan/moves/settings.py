"""What a changed step means for the recipe's own file: edits in its own words, or what to do.

Keys that a recipe's reader has no setting for are those of axolotl 0.19
(`axolotl.utils.schemas`), LLaMA-Factory 0.9.5 (`llamafactory.hparams`), TRL 1.16
(`trl.ModelConfig`) and transformers 5.23 (`TrainingArguments`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tunewell.core.finding import SetKey, SettingValue
from tunewell.facts.recipe import change, setting
from tunewell.plan.launch.start import LLAMAFACTORY
from tunewell.plan.moves.move import Move
from tunewell.plan.step import LowRank, Step
from tunewell.subjects.recipe import Recipe

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
ATTENTION = {"sdpa": "sdpa", "flash": "flash_attention_2", "eager": "eager"}
FACTORY_ATTENTION = {"sdpa": "sdpa", "flash": "fa2", "eager": "disabled"}
OLD_ATTENTION = ("flash_attention", "sdp_attention", "eager_attention", "flex_attention",
                 "xformers_attention", "sage_attention")  # fmt: skip
"""Switches of axolotl that it refuses beside `attn_implementation`."""

TUNEWELL = frozenset(
    {"per_device_train_batch_size", "gradient_accumulation_steps", "max_length", "method",
     "precision"}
)  # fmt: skip
"""What of it a recipe of Tunewell's own can say."""

LIGER = frozenset(
    {
        "deepseek_v2", "deepseek_v3", "exaone4", "falcon_h1", "gemma", "gemma2", "gemma3",
        "gemma3_text", "gemma4", "gemma4_text", "glm4", "glm4v", "gpt_oss", "hunyuan_v1_dense",
        "internvl", "llama", "llama4", "llama4_text", "llava", "ministral", "mistral", "mixtral",
        "mllama", "nemotron", "olmo2", "olmo3", "paligemma", "phi3", "qwen2", "qwen2_5_vl",
        "qwen2_vl", "qwen3", "qwen3_5", "qwen3_moe", "qwen3_next", "qwen3_vl", "qwen3_vl_moe",
        "smollm3", "smolvlm",
    }
)  # fmt: skip
"""Kinds of model for which Liger Kernel computes head and loss in one, unless told otherwise: those
of MODEL_TYPE_TO_APPLY_LIGER_FN in liger-kernel 0.8.5 whose function has fused_linear_cross_entropy
on by default (granite and pixtral have not)."""

EVALUATED = 8
"""Evaluation batches whose predictions stay on the GPU before they are moved."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Edits of the recipe's file, what a person must change by hand, and variables to set."""

    edits: tuple[SetKey, ...] = ()
    by_hand: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


class CannotSayError(Exception):
    """What reads the recipe has no way to do this."""


@dataclass(slots=True)
class _Words:
    """The changes as they are found, in the words of one recipe."""

    recipe: Recipe
    edits: list[SetKey] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)

    @property
    def format(self) -> str:
        return self.recipe.format

    def set(self, path: str, new: SettingValue) -> None:
        """Give a setting that the reader knows a new value."""
        if self.format == "tunewell" and path not in TUNEWELL:
            message = f"a recipe of Tunewell has no {path}"
            raise CannotSayError(message)
        known = path in self.recipe.places or self.format == "tunewell"
        if self.recipe.file is None or not known:
            self.by_hand.append(f"set {path.rpartition('.')[2]} to {new}")
        elif path not in self.recipe.given or setting(self.recipe, path) != new:
            self.edits.append(change(self.recipe, path, new))

    def key(self, name: str, new: SettingValue) -> None:
        """Give a key of the file's own a new value, wherever it stands in the file."""
        if self.recipe.file is None:
            self.by_hand.append(f"set {name} to {new}")
            return
        there = next((w for w in self.recipe.written if (w.place.key or w.key) == name), None)
        old: Any = there.value if there is not None else None
        if new is None and there is None:
            return
        self.edits.append(
            SetKey(
                path=name,
                old=old if isinstance(old, str | int | float | bool) else None,
                new=new,
                file=str(self.recipe.file),
                line=there.place.line if there is not None else None,
                key=name,
            )
        )

    def argument(self, name: str, new: SettingValue) -> None:
        """Give an argument of the trainer a new value, beside one whose place is known."""
        beside = self.recipe.places.get("optim")
        if self.recipe.file is None or beside is None or beside.key is None:
            self.by_hand.append(f"pass {name}={new!r} to the trainer's arguments")
            return
        prefix = beside.key.rpartition(".")[0]
        self.edits.append(
            SetKey(
                path=name,
                old=None,
                new=new,
                file=str(self.recipe.file),
                line=beside.line if prefix else None,
                key=f"{prefix}.{name}" if prefix else name,
            )
        )


def rewritten(
    recipe: Recipe, before: Step, after: Step, moves: Iterable[Move] = ()
) -> Rewritten | None:
    """What to change in a recipe so that its step `before` becomes `after`.

    Args:
        recipe: as it was read, with the places of its settings.
        before: the step that the recipe makes.
        after: the step wanted.
        moves: those of them that a step does not hold, with their settings and variables.

    Returns:
        None if what reads the recipe cannot do it.
    """
    words = _Words(recipe)
    try:
        for name, tell in HANDLERS.items():
            if getattr(before, name) != getattr(after, name):
                tell(words, before, after)
        environment: dict[str, None] = {}
        for move in moves:
            environment |= dict.fromkeys(move.environment)
            if move.change is None and move.id in WITHOUT_STEP:
                WITHOUT_STEP[move.id](words)
    except CannotSayError:
        return None
    hands = tuple(dict.fromkeys(words.by_hand))
    return Rewritten(tuple(words.edits), hands, tuple(environment))


def possible(recipe: Recipe, moves: Iterable[Move], step: Step) -> tuple[Move, ...]:
    """The moves that apply to the step and that what reads the recipe can make."""
    found = []
    for move in moves:
        after = move.apply(step)
        if after is not None and rewritten(recipe, step, after) is not None:
            found.append(move)
    return tuple(found)


def _batch(words: _Words, before: Step, after: Step) -> None:
    if before.batch != after.batch:
        words.set("per_device_train_batch_size", after.batch)


def _accumulation(words: _Words, before: Step, after: Step) -> None:
    del before
    words.set("gradient_accumulation_steps", after.accumulation)


def _checkpointing(words: _Words, before: Step, after: Step) -> None:
    del before
    words.set("hardware.gradient_checkpointing", after.checkpointing)
    if after.checkpointing and words.recipe.hardware.use_reentrant:
        words.set("hardware.use_reentrant", after.reentrant)


def _reentrant(words: _Words, before: Step, after: Step) -> None:
    if before.checkpointing and after.checkpointing:
        words.set("hardware.use_reentrant", after.reentrant)


def _optimizer(words: _Words, before: Step, after: Step) -> None:
    del before
    words.set("optim", after.optimizer)


def _length(words: _Words, before: Step, after: Step) -> None:
    del before
    words.set("max_length", after.length)


def _padded(words: _Words, before: Step, after: Step) -> None:
    del before
    words.set("preparation.packing", not after.padded)


def _evaluation(words: _Words, before: Step, after: Step) -> None:
    del before
    if after.evaluation_batch is not None:
        words.set("saving.per_device_eval_batch_size", after.evaluation_batch)


def _attention(words: _Words, before: Step, after: Step) -> None:
    del before
    if words.format == "axolotl" and words.recipe.file is not None:
        words.key("attn_implementation", ATTENTION[after.attention])
        for name in OLD_ATTENTION:
            words.key(name, None)
    elif words.format in LLAMAFACTORY and words.recipe.file is not None:
        words.key("flash_attn", FACTORY_ATTENTION[after.attention])
    else:
        words.set("hardware.attn_implementation", ATTENTION[after.attention])


def _loss(words: _Words, before: Step, after: Step) -> None:
    if after.loss != "chunked":
        message = "no recipe asks for whole logits"
        raise CannotSayError(message)
    if words.format == "axolotl":
        words.key("chunked_cross_entropy", True)
        return
    if words.format == "trl":
        words.by_hand.append(
            "install TRL 1.7 or newer, whose SFTTrainer never makes the whole logits"
        )
        return
    if before.config.get("model_type") not in LIGER or words.format == "tunewell":
        message = "nothing here computes the loss of this model in chunks"
        raise CannotSayError(message)
    if words.format in LLAMAFACTORY:
        words.key("enable_liger_kernel", True)
    else:
        words.argument("use_liger_kernel", True)
    words.by_hand.append("pip install liger-kernel")


def _weights(words: _Words, before: Step, after: Step) -> None:
    if after.adapter is not None and words.format in {"axolotl", "tunewell", *LLAMAFACTORY}:
        return  # these load frozen weights in the precision that they compute in
    full = after.adapter is None
    if full and words.format == "axolotl" and words.recipe.file is not None:
        words.key("bfloat16", "bfloat16")  # written as true, as `own_terms` says
        words.key("bf16", False)
    elif full and words.format in LLAMAFACTORY and words.recipe.file is not None:
        words.key("pure_bf16", "bfloat16")
        words.key("bf16", None)
    else:
        words.set("hardware.dtype", DTYPES[after.weights])
        if before.autocast != after.autocast:
            words.set("precision", after.autocast or "fp32")


LORA_KEYS: Mapping[str, Callable[[LowRank], Mapping[str, SettingValue]]] = {
    "axolotl": lambda a: {
        "lora_r": a.rank,
        "lora_alpha": 2 * a.rank,
        "lora_dropout": a.dropout,
        "lora_target_linear": True,
    },
    "trl": lambda a: {
        "use_peft": True,
        "lora_r": a.rank,
        "lora_alpha": 2 * a.rank,
        "lora_dropout": a.dropout,
        "lora_target_modules": ("all-linear",),
    },
    "llamafactory": lambda a: {
        "finetuning_type": "lora",
        "lora_rank": a.rank,
        "lora_alpha": 2 * a.rank,
        "lora_dropout": a.dropout,
        "lora_target": "all",
    },
    "tunewell": lambda _: {"method": "lora"},
}
"""A new adapter. Its scale is twice its rank, the default of LLaMA-Factory and of TRL's command."""

QUANTIZED: Mapping[str, Mapping[str, SettingValue]] = {
    "axolotl": {"adapter": "qlora", "load_in_4bit": True, "load_in_8bit": None},
    "trl": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
    "llamafactory": {"quantization_bit": 4, "quantization_method": "bnb"},
    "tunewell": {"method": "qlora"},
}
DOUBLED: Mapping[str, str] = {"trl": "use_bnb_nested_quant", "llamafactory": "double_quantization"}
RATE = "choose the learning rate anew: adapters want about ten times that of full fine-tuning"


def _adapter(words: _Words, before: Step, after: Step) -> None:
    if after.adapter is None:
        message = "no move takes an adapter away"
        raise CannotSayError(message)
    if before.adapter is not None:
        words.set("adapter.r", after.adapter.rank)
        return
    _put(words, LORA_KEYS, after.adapter)
    if words.format == "axolotl" and after.quantization is None:
        words.key("adapter", "lora")
    words.by_hand.append(RATE)


def _put(
    words: _Words,
    keys: Mapping[str, Callable[[LowRank], Mapping[str, SettingValue]]],
    adapter: LowRank,
) -> None:
    made = keys.get(words.format)
    if made is not None and _writes_keys(words.recipe):
        for name, value in made(adapter).items():
            _key_or_setting(words, name, value)
        return
    rank, targets = adapter.rank, ",".join(adapter.targets or ("all-linear",))
    config = f'LoraConfig(r={rank}, lora_alpha={2 * rank}, target_modules="{targets}")'
    words.by_hand.append(
        f"pass peft_config={config} to the trainer"
        if words.format == "trl"
        else f"train get_peft_model(model, {config})"
    )


def _quantization(words: _Words, before: Step, after: Step) -> None:
    del before
    made = QUANTIZED.get(words.format)
    if made is not None and _writes_keys(words.recipe):
        for name, value in made.items():
            _key_or_setting(words, name, value)
        return
    words.by_hand.append(
        "load the model with quantization_config=BitsAndBytesConfig(load_in_4bit=True, "
        f'bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.{DTYPES[after.weights]})'
    )


def _double(words: _Words, before: Step, after: Step) -> None:
    del before
    key = DOUBLED.get(words.format)
    if key is not None and _writes_keys(words.recipe):
        words.key(key, after.double_quantization)
    elif words.format in {"axolotl", "tunewell"}:
        message = "the scales are quantised already, or cannot be"
        raise CannotSayError(message)
    else:
        words.by_hand.append("add bnb_4bit_use_double_quant=True to the BitsAndBytesConfig")


def _writes_keys(recipe: Recipe) -> bool:
    """Whether the recipe is a file of keys and not a script."""
    return recipe.file is not None and recipe.file.suffix != ".py"


def _key_or_setting(words: _Words, name: str, value: SettingValue) -> None:
    if words.format == "tunewell":
        words.set(name, value)
    else:
        words.key(name, value)


HANDLERS: Mapping[str, Callable[[_Words, Step, Step], None]] = {
    "batch": _batch,
    "accumulation": _accumulation,
    "checkpointing": _checkpointing,
    "reentrant": _reentrant,
    "optimizer": _optimizer,
    "attention": _attention,
    "loss": _loss,
    "weights": _weights,
    "adapter": _adapter,
    "quantization": _quantization,
    "double_quantization": _double,
    "length": _length,
    "padded": _padded,
    "evaluation_batch": _evaluation,
}


def _balanced(words: _Words) -> None:
    if words.format not in {"transformers", "trl"}:
        message = "it has the samplers of an older transformers, or its own"
        raise CannotSayError(message)
    words.argument("train_sampling_strategy", "batch_rebalance")


WITHOUT_STEP: Mapping[str, Callable[[_Words], None]] = {
    "loss-only-evaluation": lambda words: words.set("saving.prediction_loss_only", True),
    "evaluation-accumulation": lambda words: words.set("saving.eval_accumulation_steps", EVALUATED),
    "balanced-lengths": _balanced,
}
