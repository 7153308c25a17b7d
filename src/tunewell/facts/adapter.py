"""What follows from the settings of an adapter and from the model it is put on."""

from __future__ import annotations

import math

from tunewell.facts.memo import fact
from tunewell.knowledge.families import Family
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Recipe

ALL_LINEAR = "all-linear"
FOREIGN = frozenset({"axolotl", "llamafactory", "llama-factory", "torchtune"})
"""Formats whose words for layers are not those of PEFT: a fix would have to be in theirs."""

OWN_LAYERS = frozenset({"torchtune"})
"""Formats whose models are the program's own, with layers of other names than transformers'."""

BESIDES = frozenset(
    {
        "lm_head", "embed_tokens", "wte", "wpe", "embed_in", "embed_out", "shared", "score",
        "classifier", "pre_classifier", "qa_outputs", "word_embeddings", "position_embeddings",
        "token_type_embeddings",
    }
)  # fmt: skip
"""Modules outside the blocks that an adapter may name too."""

EMBEDDINGS = frozenset(
    {"embed_tokens", "lm_head", "wte", "embed_in", "embed_out", "word_embeddings", "shared"}
)
"""Modules that hold a row for each token."""

HEADS = frozenset({"score", "classifier", "pre_classifier", "classification_head", "qa_outputs"})
"""Names that transformers gives to a head that is new in a fine-tune."""


@fact
def module_names(checkpoint: Checkpoint) -> frozenset[str]:
    """Every module that the weights show, with those that hold others; () without weights."""
    found: set[str] = set()
    for name in checkpoint.tensors:
        parts = name.split(".")[:-1]
        found.update(".".join(parts[: n + 1]) for n in range(len(parts)))
    return frozenset(found)


def named_targets(adapter: Adapter) -> tuple[str, ...] | None:
    """The target modules by name; None where PEFT chooses or a pattern does."""
    targets = adapter.target_modules
    if targets is None:
        return None
    if isinstance(targets, str):
        # PEFT takes a text for a pattern of whole names, so that a bare word matches nothing.
        return None
    return None if ALL_LINEAR in targets or "all" in targets else targets


def unmatched(targets: tuple[str, ...], modules: frozenset[str]) -> tuple[str, ...]:
    """The targets that match no module, as PEFT matches a list: whole or by the last parts."""
    return tuple(
        target
        for target in targets
        if not any(name == target or name.endswith(f".{target}") for name in modules)
    )


def unknown_to(targets: tuple[str, ...], family: Family) -> tuple[str, ...]:
    """The targets whose last part is no layer of the family."""
    known = {*family.linear, *BESIDES}
    return tuple(target for target in targets if target.rpartition(".")[2] not in known)


def scale(adapter: Adapter) -> float:
    """The factor on the adapter's update: alpha by the rank, or by its root where stabilised."""
    return adapter.lora_alpha / (math.sqrt(adapter.r) if adapter.use_rslora else adapter.r)


def is_lora(recipe: Recipe) -> bool:
    """Whether the recipe trains a LoRA adapter, or one of its kin with rank and alpha."""
    return recipe.adapter is not None and "lora" in recipe.adapter.kind.casefold()
