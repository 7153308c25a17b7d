"""HYP019: a warm-up is set that the schedule does not have."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import change, place
from tunewell.subjects.recipe import Recipe


@check("HYP019", category=Category.SUSPICIOUS, severity=Severity.INFO)
def warmup_ignored(recipe: Recipe, *, least: float = 0.0) -> Iterator[Finding]:
    """A warm-up is written beside the constant schedule, which has none.

    ## What it finds
    `lr_scheduler_type="constant"` with a warm-up of more than `least` (0) steps or share that the
    user wrote.

    ## Why it matters
    The constant schedule of transformers takes no warm-up and says nothing. The first steps are at
    the full rate, which is what the warm-up was to prevent. The script of QLoRA has this pair, and
    many copies with it.

    ## How it is measured
    By the two settings. Only a warm-up that was written counts.

    ## Example
    `lr_scheduler_type="constant"` and `warmup_steps=0.03`.

    ## Fix
    `lr_scheduler_type="constant_with_warmup"`.

    ## When it is wrong
    When no warm-up is wanted and the setting was left behind. The run is not wrong then, which is
    why this is advice.

    ## Sources
    transformers, `get_scheduler`: reproduced with 5.23, the rate is full from the first step.
    """
    if recipe.lr_scheduler_type != "constant":
        reason = "the schedule has a warm-up"
        raise NotApplicableError(reason)
    by_steps = bool(recipe.warmup_steps)
    setting = "warmup_steps" if by_steps else "warmup_ratio"
    value = float(recipe.warmup_steps or 0) if by_steps else recipe.warmup_ratio
    if value <= least or not recipe.given & {"warmup_steps", "warmup_ratio"}:
        return
    yield Finding(
        message=f"{setting} ({value:g}) has no effect: the constant schedule has no warm-up",
        where=(place(recipe, setting), place(recipe, "lr_scheduler_type")),
        evidence=(Text(name="lr_scheduler_type", text=recipe.lr_scheduler_type),),
        impact="the first steps are at the full learning rate",
        fixes=(
            Fix(
                title="set lr_scheduler_type to constant_with_warmup",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "lr_scheduler_type", "constant_with_warmup"),),
            ),
        ),
    )
