"""HYP016: tokens are added, and no weight that is trained belongs to them."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Table
from tunewell.core.words import counted
from tunewell.facts.adapter import EMBEDDINGS, FOREIGN
from tunewell.facts.recipe import change, place
from tunewell.facts.written import mentions
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.subjects.setup import Setup

TAKES_CARE = frozenset({"llamafactory", "llama-factory"})
"""Programs that train the embeddings of added tokens by themselves."""


@check("HYP016", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("O22",))
def new_tokens_not_trained(
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    setup: Setup | None,
    *,
    max_tokens: int = 0,
) -> Iterator[Finding]:
    """Tokens are added to the vocabulary, but the adapter leaves their embeddings frozen.

    ## What it finds
    A recipe with an adapter that adds tokens, while neither the embeddings nor the output layer are
    trained: they are not in `modules_to_save`, no `trainable_token_indices` are set, and no adapter
    is on them.

    ## Why it matters
    The rows of the new tokens keep the random numbers, or the mean, that they were made with. The
    model never learns to write such a token, for instance the one that ends its turn, and reads it
    as noise. The rows are not in the adapter's file either.

    ## How it is measured
    From the recipe. Tokens that the tokenizer of the model has already are not counted; where the
    model is not at hand, that is not known and the confidence is medium. More than `max_tokens` new
    ones, 0, are told. LLaMA-Factory trains the embeddings by itself and is left alone.

    ## Example
    Adding `<|call|>` and training with `LoraConfig(target_modules="all-linear")`.

    ## Fix
    `modules_to_save=["embed_tokens", "lm_head"]`, or `trainable_token_indices`, which is smaller.

    ## When it is wrong
    When a later stage trains the embeddings.

    ## Sources
    PEFT documentation, "Efficiently train tokens alongside LoRA"; PEFT issues 487, 1298 and 2589.
    Fault O22 of the catalogue, reproduced with PEFT 0.21: no message, and no row in the file.
    """
    adapter = recipe.adapter
    added = recipe.preparation.special_tokens
    if adapter is None or not added or recipe.format in TAKES_CARE:
        reason = "no adapter, or no token is added"
        raise NotApplicableError(reason)
    if setup is not None:
        reason = "the model itself is there and is looked at: see new-tokens-untrained"
        raise NotApplicableError(reason)
    known = frozenset(checkpoint.added_tokens) if checkpoint is not None else frozenset()
    new = tuple(token for token in added if token not in known)
    if len(new) <= max_tokens or _trains(adapter) or mentions(recipe, "trainable_token_indices"):
        return
    modules = (*(adapter.modules_to_save or ()), "embed_tokens", "lm_head")
    fix = Fix(title="train and save embed_tokens and lm_head too", safety=Safety.MANUAL)
    if recipe.format not in FOREIGN:
        edit = change(recipe, "adapter.modules_to_save", modules)
        fix = Fix(title=fix.title, safety=Safety.UNSAFE, edits=(edit,))
    yield Finding(
        message=(
            f"{counted(len(new), 'added token')} ({', '.join(new[:3])}"
            f"{' ...' if len(new) > 3 else ''}) will not be learned: "  # noqa: PLR2004
            "the adapter leaves the embeddings frozen"
        ),
        where=(place(recipe, "adapter.modules_to_save"),),
        evidence=(
            Table(
                name="added tokens",
                columns=("token", "known to the tokenizer"),
                rows=tuple((t, "yes" if t in known else "no") for t in added),
                total=len(added),
            ),
        ),
        impact="the model reads these tokens as noise and never writes them",
        fixes=(fix,),
        confidence=Confidence.HIGH if known else Confidence.MEDIUM,
    )


def _trains(adapter: Adapter) -> bool:
    """Whether a trained part of the adapter holds the rows of tokens."""
    targets = adapter.target_modules
    named = (targets,) if isinstance(targets, str) else targets or ()
    parts = {name.rpartition(".")[2] for name in (*named, *(adapter.modules_to_save or ()))}
    return bool(parts & EMBEDDINGS)
