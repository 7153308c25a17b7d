"""HYP022: the answers of one prompt do not fit whole into a batch."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place
from tunewell.facts.written import literal
from tunewell.subjects.recipe import Recipe

DEFAULT = 8
"""Generations a prompt of TRL's GRPOConfig; RLOOConfig has 2."""


@check("HYP022", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("R15",))
def generations_do_not_fill_batch(recipe: Recipe, *, min_generations: int = 2) -> Iterator[Finding]:
    """The generation batch is no multiple of the generations a prompt, or there is only one.

    ## What it finds
    GRPO or RLOO settings with fewer than `min_generations` answers a prompt, or with a batch that
    does not hold whole groups of them.

    ## Why it matters
    The advantage of an answer is its reward less the mean of its group. With one answer a group
    that is zero and nothing is learned; TRL refuses both settings, after the model was loaded.

    ## How it is measured
    As TRL does: rows a device times devices times accumulation, or `generation_batch_size` where it
    is set, by `num_generations`. `min_generations` is 2, TRL's own limit. Where the number of
    devices is not known, one is taken only if no number up to 8 would make it whole.

    ## Example
    `per_device_train_batch_size=2`, no accumulation and 8 generations on one device.

    ## Fix
    The smallest accumulation that makes it whole.

    ## When it is wrong
    When the run is started on more than 8 devices and their number makes the batch whole.

    ## Sources
    TRL, `GRPOConfig.__post_init__`. Fault R15 of the catalogue, reproduced with TRL 1.16.
    """
    if recipe.task != "grpo":
        reason = "no reinforcement learning with groups of answers"
        raise NotApplicableError(reason)
    generations = recipe.preference.num_generations or DEFAULT
    if generations < min_generations:
        yield _finding(recipe, generations, f"only {generations:,} generation a prompt", ())
        return
    if literal(recipe, "steps_per_generation") is not None:
        reason = "the batch follows from steps_per_generation"
        raise NotApplicableError(reason)
    own = recipe.preference.generation_batch_size
    processes = recipe.hardware.world_size
    batch = own or recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    counts = (processes,) if processes else range(1, 9)
    if any((batch if own else batch * count) % generations == 0 for count in counts):
        return
    total = batch if own else batch * (processes or 1)
    if own:
        new = generations * math.ceil(own / generations)
        edit = change(recipe, "preference.generation_batch_size", new)
        title = f"set generation_batch_size to {new:,}"
    else:
        each = recipe.per_device_train_batch_size * (processes or 1)
        new = generations // math.gcd(each, generations)
        edit = change(recipe, "gradient_accumulation_steps", new)
        title = f"set gradient_accumulation_steps to {new:,}"
    said = f"a batch of {total:,} answers does not hold whole groups of {generations:,}"
    yield _finding(
        recipe, generations, said, (Fix(title=title, safety=Safety.UNSAFE, edits=(edit,)),)
    )


def _finding(recipe: Recipe, generations: int, said: str, fixes: tuple[Fix, ...]) -> Finding:
    more = Fix(
        title="set num_generations to 8, the usual number",
        safety=Safety.UNSAFE,
        edits=(change(recipe, "preference.num_generations", DEFAULT),),
    )
    alone = (
        more
        if recipe.effective_batch_size % DEFAULT == 0
        else Fix(title="set num_generations to 2 or more", safety=Safety.MANUAL)
    )
    return Finding(
        message=said,
        where=(place(recipe, "preference.num_generations"),),
        evidence=(Number(name="generations a prompt", value=float(generations)),),
        impact="TRL refuses the settings after the model was loaded",
        fixes=fixes or (alone,),
    )
