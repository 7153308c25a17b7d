"""HYP012: an adapter is to be put on layers that the model does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.adapter import (
    ALL_LINEAR,
    FOREIGN,
    OWN_LAYERS,
    module_names,
    named_targets,
    unknown_to,
    unmatched,
)
from tunewell.facts.model_family import family_of
from tunewell.facts.recipe import change, place
from tunewell.knowledge.families import table
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.setup import Setup


@check("HYP012", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("O16", "O17"))
def adapter_target_not_found(
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    setup: Setup | None,
    *,
    alike: float = 0.75,
) -> Iterator[Finding]:
    """The adapter names layers that the model does not have.

    ## What it finds
    Names in `target_modules` that match no layer: all of them, or one among others.

    ## Why it matters
    If none matches, PEFT ends the run. If one of several does not, PEFT says nothing: the adapter
    is put on the others, and the model is weaker than was meant, for instance without its
    feed-forward layers.

    ## How it is measured
    Where the weights are at hand, each name is held against the names in their headers, as PEFT
    matches them: whole, or the last parts. Where only config.json is, against a table of the layers
    of the common families. Where only the name of the model is known, a target is told that belongs
    to another family when no target belongs to this one, or that is a misspelling: at least `alike`
    of its letters (0.75) are those of a layer of the family. torchtune has layers of its own names
    and is left alone.

    ## Example
    `target_modules=["q_proj", "v_porj"]` on a Llama; `["query_key_value"]` on a Llama.

    ## Fix
    The name as it is spelt, or `"all-linear"`.

    ## When it is wrong
    When one list is meant for models of several families. Weights whose layers transformers
    renames while loading may carry other names than the model.

    ## Sources
    PEFT, `check_target_module_exists`. Faults O16 and O17 of the catalogue, reproduced with PEFT
    0.21: q_proj with a misspelt second name is accepted without a word.
    """
    if recipe.adapter is None:
        reason = "the recipe trains no adapter"
        raise NotApplicableError(reason)
    if setup is not None:
        reason = "the model itself is there and is looked at: see adapter-target-missing"
        raise NotApplicableError(reason)
    if recipe.format in OWN_LAYERS:
        reason = f"{recipe.format} has layers of its own names"
        raise NotApplicableError(reason)
    targets = named_targets(recipe.adapter)
    if targets is None or not targets:
        reason = "the target modules are not given by name"
        raise NotApplicableError(reason)
    lost, names, sure = _lost(recipe, checkpoint, targets, alike)
    if not lost:
        return
    all_lost = len(lost) == len(targets)
    near = {name: get_close_matches(name.rpartition(".")[2], names, 1, alike) for name in lost}
    yield Finding(
        message=(
            f"the model has none of the adapter's target modules: {', '.join(lost)}"
            if all_lost
            else f"the model has no {', '.join(lost)}; the adapter is put on the other "
            f"{len(targets) - len(lost)} of {len(targets)} target modules only"
        ),
        where=(place(recipe, "adapter.target_modules"),),
        evidence=(
            Table(
                name="target modules",
                columns=("target", "in the model", "nearest"),
                rows=tuple(
                    (name, "no" if name in lost else "yes", "".join(near.get(name, ())))
                    for name in targets
                ),
                total=len(targets),
            ),
        ),
        impact=(
            "PEFT ends the run before its first step"
            if all_lost
            else "fewer layers learn than was meant, and nothing says so"
        ),
        fixes=(_fix(recipe, targets, {name: "".join(found) for name, found in near.items()}),),
        severity=Severity.ERROR if all_lost and sure else Severity.WARNING,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
    )


def _lost(
    recipe: Recipe, checkpoint: Checkpoint | None, targets: tuple[str, ...], alike: float
) -> tuple[tuple[str, ...], list[str], bool]:
    """The targets that are not there, the layers that are, and whether the model itself said so.

    Raises:
        NotRunError: if nothing is known of the model's layers.
    """
    if checkpoint is not None and checkpoint.tensors:
        modules = module_names(checkpoint)
        last = {name.rpartition(".")[2] for name in modules}
        names = sorted(name for name in last if not re.fullmatch(r"\d+", name))
        return unmatched(targets, modules), names, True
    family = family_of(recipe, checkpoint)
    if family is None:
        reason = "pass the model: --model FOLDER"
        raise NotRunError(reason)
    unknown = unknown_to(targets, family)
    if checkpoint is not None and checkpoint.model_type in family.types:
        return unknown, list(family.linear), True
    if len(unknown) == len(targets):
        others = {name for other in table() for name in other.linear}
        lost = tuple(name for name in unknown if name in others)
        return (lost if len(lost) == len(targets) else ()), list(family.linear), False
    known = {name for other in table() for name in other.linear}
    misspelt = tuple(
        name
        for name in unknown
        if name not in known and get_close_matches(name, family.linear, 1, alike)
    )
    return misspelt, list(family.linear), False


def _fix(recipe: Recipe, targets: tuple[str, ...], near: dict[str, str]) -> Fix:
    """The nearest names in place of those that are lost, or all linear layers."""
    repaired = tuple(dict.fromkeys(near.get(name, name) for name in targets))
    whole = all(repaired)
    title = f"target {', '.join(repaired)}" if whole else "target every linear layer (all-linear)"
    if recipe.format in FOREIGN:
        return Fix(title=title, safety=Safety.MANUAL)
    new = repaired if whole else ALL_LINEAR
    edit = change(recipe, "adapter.target_modules", new)
    return Fix(title=title, safety=Safety.UNSAFE, edits=(edit,))
