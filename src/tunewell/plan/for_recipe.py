"""The memory of a step as a recipe sets it: its optimizer, its precision, its memory savers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunewell.facts.model_family import has_experts
from tunewell.facts.optimizer_states import FP32_STATES, paged, state_bytes
from tunewell.facts.weights import loaded_weights
from tunewell.knowledge import families
from tunewell.plan.config_size import size_of_config
from tunewell.plan.memory import Memory, ModelSize, estimate
from tunewell.plan.step_of import usual_task
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.subjects.tokenization import Tokenization

ASSUMED_LENGTH = 512
"""Tokens a row where neither recipe nor data says: the limit of most encoders."""

LANGUAGE = frozenset({"sft", "dpo", "pretraining"})
LANGUAGE_LENGTH = 1024
"""The same for a language model: the max_length of TRL's SFTConfig."""

TOO_HIGH = 1.36
"""The formula was at most this times what was measured, where it is tested. See
benchmarks/results/memory.json and closed_form_on_gpu.json."""

SURELY_FITS = 0.9
"""Share of a GPU that the high end may take: the allocator's reserve and the driver's context are
not in it, and it was 1 % below the measured reserve at worst."""

GROUP = 128
"""Weights that share a scale: the usual group of GPTQ and AWQ."""

HALF_BITS = 16
HALF = frozenset({"bfloat16", "float16"})

USUAL_TARGETS = frozenset(
    {"q_proj", "v_proj", "query", "value", "query_proj", "value_proj", "q_lin", "v_lin", "q", "v"}
    | {"c_attn", "qkv_proj", "Wqkv", "query_key_value", "in_proj"}
)
"""Matrices that PEFT puts an adapter on where none are named: query and value of most models (its
TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING, peft 0.21)."""


def size_of(checkpoint: Checkpoint, *, task: str) -> ModelSize | None:
    """Sizes by the weights' headers, or else by config.json; None where neither says them."""
    found = ModelSize.of(checkpoint, task=task)
    return found if found is not None else size_of_config(checkpoint.config, task=task)


def adapter_parameters(adapter: Adapter, size: ModelSize) -> int:
    """Parameters of an adapter: its rank times the two sides of every matrix that it is put on.

    A regular expression of names, or names that are none of the model's, count as every matrix.
    """
    named = adapter.target_modules
    wanted = (
        USUAL_TARGETS if named is None else frozenset(named if not isinstance(named, str) else ())
    )
    sides = sum(count for name, count in size.sides.items() if name in wanted)
    return adapter.r * (sides or size.block_sides)


def memory_of(
    recipe: Recipe, checkpoint: Checkpoint, size: ModelSize, *, batch: int, length: int
) -> Memory:
    """Memory of one training step on one device, without sharding and offloading.

    Weights that are loaded in 16 bits and all trained have gradients and moments of 16 bits too.
    States of an optimizer that pages them out, or that is not known, count as nothing: what remains
    is a lower bound.
    """
    hardware = recipe.hardware
    trained = adapter_parameters(recipe.adapter, size) if recipe.adapter is not None else None
    memory = estimate(
        size,
        batch=batch,
        length=length,
        method="qlora" if hardware.load_in_4bit else recipe.method,
        precision=recipe.precision,
        checkpointing=hardware.gradient_checkpointing,
        fused_attention=hardware.attn_implementation != "eager",
        trainable=trained,
    )
    bits = packed_bits(checkpoint.config)
    if bits is not None and recipe.adapter is not None and not hardware.load_in_4bit:
        memory = dataclasses.replace(memory, weights=_packed(size, bits) + 4 * (trained or 0))
    states = 0.0 if paged(recipe.optim) else state_bytes(recipe.optim)
    memory = dataclasses.replace(memory, optimizer=int(memory.optimizer * states / FP32_STATES))
    if recipe.method != "full":
        return memory
    loaded = loaded_weights(recipe, checkpoint)
    if loaded is None or loaded.dtype not in HALF:
        return memory
    return dataclasses.replace(
        memory,
        weights=2 * size.parameters,
        gradients=memory.gradients // 2,
        optimizer=memory.optimizer // 2 if states == FP32_STATES else memory.optimizer,
    )


def packed_bits(config: Mapping[str, Any]) -> int | None:
    """Bits of a weight whose files are packed already (GPTQ, AWQ ...); None where they are not."""
    packing = config.get("quantization_config")
    if not isinstance(packing, Mapping):
        return None
    bits = packing.get("bits", packing.get("w_bit"))
    if bits is None and packing.get("load_in_4bit") is True:
        return 4
    return bits if isinstance(bits, int) and 0 < bits < HALF_BITS else None


def _packed(size: ModelSize, bits: int) -> int:
    """Bytes of weights that are packed, with a scale and a zero of 2 bytes for each group."""
    rest = size.parameters - size.block_parameters
    return int(size.block_parameters * (bits / 8 + 4 / GROUP)) + 2 * rest


def formula_is_tested(recipe: Recipe, checkpoint: Checkpoint) -> bool:
    """Whether the closed formula was held against runs of this kind, so that its error is known.

    Left out is what it does not know, by benchmarks/results/closed_form_on_gpu.json: weights packed
    in eight bits, and in four without checkpointing (it is 0.6 to 0.9 of what was measured), eager
    attention (0.8 to 1.8), embeddings, whose rows are pairs (0.5), experts, state spaces, and
    towers for images.
    """
    hardware = recipe.hardware
    wide = hardware.load_in_8bit or (hardware.load_in_4bit and not hardware.gradient_checkpointing)
    eager, pairs = hardware.attn_implementation == "eager", recipe.task == "embedding"
    known = families.of_type(checkpoint.model_type) is not None
    return known and not (wide or eager or pairs or has_experts(recipe, checkpoint))


def longest_row(recipe: Recipe, checkpoint: Checkpoint, tokenization: Tokenization | None) -> int:
    """Tokens of the longest row that training meets."""
    limits = [n for n in (recipe.max_length, checkpoint.max_length) if n is not None]
    if tokenization is not None and len(tokenization.lengths):
        limits.append(int(tokenization.lengths.max()))
    elif recipe.max_length is None:
        limits.append(assumed_length(recipe, checkpoint))
    return min(limits, default=ASSUMED_LENGTH)


def assumed_length(recipe: Recipe, checkpoint: Checkpoint | None) -> int:
    """Tokens a row where neither recipe nor data says: what a model could take says nothing."""
    task = recipe.task
    if task == "unknown" and checkpoint is not None:
        task = usual_task(checkpoint.config)
    return LANGUAGE_LENGTH if task in LANGUAGE else ASSUMED_LENGTH


@dataclass(frozen=True, slots=True)
class BatchNeeds:
    """Memory of the longest batch that training meets, and of nearly all the others.

    `usual_length` is what the longest row of a random batch stays below in 95 of 100 batches,
    `batches` the number of batches of which one holds the longest row.
    """

    longest: Memory
    usual: Memory
    length: int
    usual_length: int
    batches: int

    def comes_late(self, available: int) -> bool:
        """Whether the usual batch fits beyond doubt and the longest does not, beyond doubt.

        Both ends are the formula's own error on measured runs: what lies between is not told.
        """
        fits = self.usual.high <= SURELY_FITS * available
        return fits and available < max(self.longest.low, self.longest.total / TOO_HIGH)


def batch_needs(
    recipe: Recipe, checkpoint: Checkpoint, size: ModelSize, tokenization: Tokenization
) -> BatchNeeds | None:
    """The longest batch beside the usual one.

    None where rows are packed, are too few, or where the formula's error is not known.
    """
    packed = recipe.preparation.packing or recipe.preparation.padding_free
    lengths = tokenization.lengths
    batch = recipe.per_device_train_batch_size
    if packed or len(lengths) < 2 * batch or not formula_is_tested(recipe, checkpoint):
        return None
    longest = longest_row(recipe, checkpoint, tokenization)
    # A batch is as long as its longest row. Of `batch` rows drawn at random, all lie below the
    # quantile q with probability q ** batch.
    usual = min(longest, int(np.quantile(lengths, 0.95 ** (1 / batch))))
    return BatchNeeds(
        longest=memory_of(recipe, checkpoint, size, batch=batch, length=longest),
        usual=memory_of(recipe, checkpoint, size, batch=batch, length=max(1, usual)),
        length=longest,
        usual_length=usual,
        batches=-(-len(lengths) // batch),
    )
