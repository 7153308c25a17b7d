"""The training step that a recipe describes: what a simulation needs to know of it.

The rules of precision are those of transformers 5.23, TRL 1.16 and PEFT 0.21, of axolotl and of
LLaMA-Factory: which precision the weights are loaded in, and in which one autocast computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tunewell.facts.weights import loaded_weights
from tunewell.facts.written import value_of
from tunewell.plan.config_size import first
from tunewell.plan.simulated import NotSimulated
from tunewell.plan.step import Attention, Device, LowRank, Precision, Step, Task
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Recipe

SHORT: Mapping[str, Precision] = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}

TASKS: Mapping[str, Task] = {
    "text-classification": "text-classification",
    "token-classification": "token-classification",
    "image-classification": "image-classification",
    "reward": "text-classification",
    "sft": "causal-lm",
    "causal-lm": "causal-lm",
    "masked-lm": "masked-lm",
    "dpo": "dpo",
    "embedding": "embedding",
    "speech-seq2seq": "speech-seq2seq",
}
SPEECH = frozenset({"whisper", "speech_to_text"})
TWO_STACKS = frozenset({"t5", "mt5", "umt5", "bart", "mbart", "pegasus", "marian", "led"})
PICTURES = frozenset({"vit", "deit", "beit", "swin", "dinov2", "convnext", "siglip"})
MASKED = frozenset(
    {
        "bert",
        "roberta",
        "xlm-roberta",
        "distilbert",
        "deberta-v2",
        "modernbert",
        "electra",
        "albert",
    }
)
"""Types of encoders, which are pretrained by words that are masked."""

EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")
FUSED_LOSS = (1, 16)
"""The version of TRL known to compute the loss of SFT and DPO in chunks (`add_fused_lm_head`)."""

PURE = frozenset({"torchtune"})
"""Formats that compute in the precision of the weights, without autocast."""

LOADED_HALF = frozenset({"axolotl", "llamafactory", "llamafactory-v1"})
"""Formats that load the weights in the precision they compute in."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a batch holds: `length` tokens a row, `target` tokens decoded, `padded` where uneven."""

    length: int
    target: int | None = None
    padded: bool = False
    labels: int | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """The step, and sentences on what was assumed to describe it."""

    step: Step
    assumptions: tuple[str, ...] = ()


def step_of(
    recipe: Recipe,
    checkpoint: Checkpoint,
    rows: Rows,
    device: Device,
    *,
    trl: tuple[int, ...] | None = None,
    precision: tuple[Precision, Precision | None] | None = None,
) -> Described | NotSimulated:
    """The step of a recipe on one device, without sharding and offloading.

    Args:
        recipe: what trains, and how.
        checkpoint: the model; only its config.json is looked at.
        rows: the batch that needs the most memory, which is the one of the longest rows.
        device: what runs it.
        trl: the version of TRL that will train, None where it is not known.
        precision: of the weights and of autocast, where somebody says both; else by the recipe.

    Returns:
        The step, or why there is none that could be simulated.
    """
    config = dict(checkpoint.config)
    kind = str(config.get("model_type", ""))
    if not kind:
        return NotSimulated(
            reason="config.json names no model_type, so that nothing is known of what it computes"
        )
    task = task_of(recipe, config)
    if task is None:
        return NotSimulated(
            reason=f"a step of the task {recipe.task!r} is not simulated: name another with --task"
        )
    if recipe.method not in {"full", "lora", "qlora"}:
        return NotSimulated(reason=f"a step of the method {recipe.method!r} is not simulated")
    if recipe.adapter is not None and recipe.adapter.kind not in {"lora", "dora"}:
        return NotSimulated(
            reason=f"adapters of the kind {recipe.adapter.kind!r} are not simulated"
        )
    assumed: list[str] = []
    weights, autocast = precision or precisions(recipe, checkpoint, assumed)
    hardware = recipe.hardware
    packed = recipe.preparation.packing or recipe.preparation.padding_free
    if packed and recipe.max_length is not None:
        rows = Rows(recipe.max_length, rows.target, labels=rows.labels)
    # Files that bitsandbytes packed stay packed, whoever loads them.
    packing = _packed_files(config)
    four = hardware.load_in_4bit or packing.get("load_in_4bit") is True
    eight = hardware.load_in_8bit or packing.get("load_in_8bit") is True
    evaluated = recipe.saving.eval_strategy != "no"
    generated = recipe.generation.max_new_tokens or recipe.generation.max_length
    if (four or eight) and first(config, *EXPERTS):
        assumed.append(
            "the experts stay unpacked: transformers 5 keeps those of a layer in one tensor, and "
            "bitsandbytes packs linear layers; PEFT raises what is not packed to fp32"
        )
    step = Step(
        config=config,
        task=task,
        batch=recipe.per_device_train_batch_size * (2 if recipe.task == "reward" else 1),
        length=rows.length,
        target_length=rows.target,
        labels=1 if recipe.task == "reward" else _labels(config, rows),
        weights=weights,
        autocast=autocast,
        quantization="nf4" if four else "int8" if eight else None,
        double_quantization=value_of(recipe, "bnb_4bit_use_double_quant") is True
        or value_of(recipe, "use_bnb_nested_quant") is True
        or packing.get("bnb_4bit_use_double_quant") is True,
        adapter=_adapter(recipe.adapter, assumed) if recipe.adapter is not None else None,
        attention=attention_of(recipe, assumed),
        checkpointing=hardware.gradient_checkpointing,
        reentrant=bool(hardware.use_reentrant),
        optimizer=optimizer_of(recipe.optim),
        accumulation=recipe.gradient_accumulation_steps,
        padded=rows.padded and not packed,
        loss="chunked" if _chunked(recipe, task, trl, assumed) else "full",
        clipping=recipe.max_grad_norm > 0,
        evaluation_batch=recipe.saving.per_device_eval_batch_size if evaluated else None,
        generation_tokens=generated if recipe.generation.predict_with_generate else None,
        device=device,
    )
    if hardware.torch_compile:
        assumed.append("torch.compile is not simulated: the step is that without it")
    return Described(step, tuple(assumed))


def task_of(recipe: Recipe, config: Mapping[str, Any]) -> Task | None:
    """The task of the step, by the recipe's and else by the model's kind; None where unknown."""
    kind = str(config.get("model_type", ""))
    if recipe.task == "seq2seq":
        return "speech-seq2seq" if kind in SPEECH else "seq2seq-lm"
    if recipe.task == "pretraining":
        return "masked-lm" if kind in MASKED else "causal-lm"
    if recipe.task != "unknown":
        return TASKS.get(recipe.task)
    return TASKS.get(usual_task(config)) or "seq2seq-lm"


def usual_task(config: Mapping[str, Any]) -> str:
    """What a model of this kind is mostly fine-tuned for, as a recipe names it."""
    kind = str(config.get("model_type", ""))
    heads = " ".join(map(str, config.get("architectures") or ()))
    if "ForTokenClassification" in heads:
        return "token-classification"
    if "ForSequenceClassification" in heads or kind in MASKED:
        return "text-classification"
    if kind in SPEECH:
        return "speech-seq2seq"
    if kind in PICTURES:
        return "image-classification"
    if kind in TWO_STACKS or config.get("is_encoder_decoder") is True:
        return "seq2seq"
    return "sft"


def precisions(  # noqa: PLR0911  a rule a format
    recipe: Recipe, checkpoint: Checkpoint, assumed: list[str]
) -> tuple[Precision, Precision | None]:
    """The precision of the loaded weights, and that of autocast, None without.

    `bf16` and `fp16` of TrainingArguments switch autocast on over whatever the weights are. What
    is not known goes to `assumed`.
    """
    half: Precision | None = _half(recipe.precision)
    said = SHORT.get(str(recipe.hardware.dtype))
    if recipe.format in PURE:
        return said or half or "fp32", None
    if recipe.format in LOADED_HALF:
        if said is not None:  # "bfloat16: true" and "pure_bf16" leave autocast out
            return said, None
        if recipe.format != "axolotl" and recipe.method == "full":
            return "fp32", half  # LLaMA-Factory raises trained weights to fp32
        return half or "fp32", half
    if recipe.format == "tunewell":
        return said or "fp32", half
    loaded = loaded_weights(recipe, checkpoint)
    weights = SHORT.get(loaded.dtype) if loaded is not None else None
    if weights is None:
        assumed.append(
            "the weights are taken for fp32: neither the recipe nor config.json names a precision"
        )
    if recipe.hardware.load_in_4bit or recipe.hardware.load_in_8bit:
        # Packed weights are computed in the recipe's half precision where there is one.
        return half or weights or "fp32", half
    return weights or "fp32", half


def _packed_files(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What config.json says of weights that bitsandbytes packed; nothing where it did not."""
    packing = config.get("quantization_config")
    named = isinstance(packing, Mapping) and packing.get("quant_method") == "bitsandbytes"
    return packing if named and isinstance(packing, Mapping) else {}


def _half(precision: str) -> Precision | None:
    return "bf16" if precision == "bf16" else "fp16" if precision == "fp16" else None


def attention_of(recipe: Recipe, assumed: list[str]) -> Attention:
    """The kind of attention that `attn_implementation` asks for; by default PyTorch's own."""
    named = recipe.hardware.attn_implementation or "sdpa"
    if "flash" in named:
        return "flash"
    if named in {"eager", "sdpa"}:
        return "eager" if named == "eager" else "sdpa"
    assumed.append(f"attention {named!r} is not simulated: sdpa stands in for it")
    return "sdpa"


def optimizer_of(name: str) -> str:
    """The name in TrainingArguments.optim; "adamw" is torch.optim.AdamW as it stands."""
    folded = name.casefold()
    if folded in {"adamw", "torch.optim.adamw", "adam", "adamw_hf"}:
        return "adamw_torch"
    if "." in folded:  # a class by its path, as torchtune names it
        last = folded.rpartition(".")[2]
        return {"adamw8bit": "adamw_bnb_8bit", "pagedadamw8bit": "paged_adamw_8bit"}.get(
            last, "adamw_torch" if last.startswith("adam") else last
        )
    return name


def _adapter(adapter: Adapter, assumed: list[str]) -> LowRank:
    named = adapter.target_modules
    targets: tuple[str, ...] | None
    if named is None or isinstance(named, tuple):
        targets = named
    else:
        targets = ("all-linear",)
        if named != "all-linear":
            assumed.append(
                "adapters are taken to be on every linear layer: target_modules is an expression"
            )
    return LowRank(
        rank=adapter.r,
        targets=targets,
        dropout=adapter.lora_dropout,
        dora=adapter.use_dora or adapter.kind == "dora",
        modules_to_save=adapter.modules_to_save or (),
    )


def _labels(config: Mapping[str, Any], rows: Rows) -> int:
    if rows.labels is not None:
        return rows.labels
    named = config.get("id2label")
    if isinstance(named, Mapping) and named:
        return len(named)
    count = config.get("num_labels")
    return count if isinstance(count, int) else 2


def _chunked(recipe: Recipe, task: Task, trl: tuple[int, ...] | None, assumed: list[str]) -> bool:
    """Whether the loss is computed without making all logits at once."""
    liger = value_of(recipe, "use_liger_kernel", "liger_fused_linear_cross_entropy") is True
    if liger and task == "causal-lm":
        return True
    if recipe.format != "trl" or task not in {"causal-lm", "dpo"}:
        return False
    if trl is not None and trl < FUSED_LOSS:
        assumed.append(
            "this version of TRL makes all logits at once; TRL 1.16 computes the loss in chunks"
        )
        return False
    if trl is None:
        assumed.append(
            "the loss is computed in chunks, as by TRL 1.16; older ones make all logits at once"
        )
    return True
