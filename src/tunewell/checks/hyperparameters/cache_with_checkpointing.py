"""HYP021: the cache of generation is on while activations are recomputed."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe


@check("HYP021", category=Category.PEDANTIC, severity=Severity.INFO, covers=("O30",))
def cache_with_checkpointing(recipe: Recipe, *, tell: bool = True) -> Iterator[Finding]:
    """The key-value cache is switched on together with activation checkpointing.

    ## What it finds
    `use_cache=True` written beside gradient checkpointing; `tell` (true) switches it off.

    ## Why it matters
    The two do not go together. transformers switches the cache off and warns at every start; in
    older versions some models stored the cache and used more memory than without checkpointing.

    ## How it is measured
    By the two settings.

    ## Example
    `model.config.use_cache = True` and `gradient_checkpointing=True`.

    ## Fix
    `use_cache=False` for training; generation may switch it on again.

    ## When it is wrong
    It changes nothing that is learned: this is shown with --pedantic only.

    ## Sources
    transformers issue 26377. Fault O30 of the catalogue, reproduced with 5.23: a warning, and the
    cache is off.
    """
    if not recipe.hardware.gradient_checkpointing:
        reason = "activations are not recomputed"
        raise NotApplicableError(reason)
    if recipe.hardware.use_cache is not True or not tell:
        return
    yield Finding(
        message="use_cache is on together with gradient checkpointing; it will be switched off",
        where=(place(recipe, "hardware.use_cache"),),
        evidence=(Text(name="use_cache", text="true"),),
        impact="a warning at every start",
        fixes=(
            Fix(
                title="set use_cache to false",
                safety=Safety.SAFE,
                edits=(change(recipe, "hardware.use_cache", new=False),),
            ),
        ),
    )
