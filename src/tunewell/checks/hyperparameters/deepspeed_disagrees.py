"""HYP020: the DeepSpeed settings contradict those of the trainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Table
from tunewell.facts.recipe import place
from tunewell.subjects.recipe import Recipe

PAIRS = {
    "train_micro_batch_size_per_gpu": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "gradient_clipping": "max_grad_norm",
    "optimizer.params.lr": "learning_rate",
    "optimizer.params.weight_decay": "weight_decay",
    "scheduler.params.warmup_max_lr": "learning_rate",
}
"""DeepSpeed's names of what the Trainer knows too, as transformers compares them."""

TRAINED_BY = frozenset(
    {"axolotl", "llamafactory", "llama-factory", "transformers", "trl", "script"}
)
"""Formats whose DeepSpeed settings go through the Hugging Face Trainer, which compares them."""


@check("HYP020", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("O26",))
def deepspeed_disagrees(recipe: Recipe, *, max_differences: int = 0) -> Iterator[Finding]:
    """The DeepSpeed settings give other numbers than the trainer's own.

    ## What it finds
    Batch size, accumulation, clipping, learning rate, weight decay and half precision that are
    fixed in the DeepSpeed settings and differ from the trainer's.

    ## Why it matters
    The Hugging Face Trainer ends the run when training begins: "Please correct the following
    DeepSpeed config values that mismatch TrainingArguments values". Accelerate by itself lets the
    DeepSpeed settings win without a word.

    ## How it is measured
    The fields that transformers compares, by the same rule: "auto" and absent ones take the
    trainer's value. The batch of all devices is compared only where their number is known. More
    than `max_differences`, 0, are told.

    ## Example
    `"train_micro_batch_size_per_gpu": 4` with `per_device_train_batch_size=8`.

    ## Fix
    "auto" in the DeepSpeed settings, so that each number stands in one place.

    ## When it is wrong
    When the settings on the command line differ from those in the file.

    ## Sources
    transformers, `HfTrainerDeepSpeedConfig.trainer_config_process`. Fault O26 of the catalogue,
    reproduced with 5.23.
    """
    settings = recipe.hardware.deepspeed
    if not settings or recipe.format not in TRAINED_BY:
        reason = "the recipe has no DeepSpeed settings for the Hugging Face Trainer"
        raise NotApplicableError(reason)
    found = list(_differences(recipe, settings))
    if len(found) <= max_differences:
        return
    name, theirs, mine, ours = found[0]
    more = f", and {len(found) - 1} more differ" if len(found) > 1 else ""
    yield Finding(
        message=f"DeepSpeed's {name} is {theirs}, but {mine} is {ours}{more}",
        where=tuple(place(recipe, mine) for mine in dict.fromkeys(row[2] for row in found)),
        evidence=(
            Table(
                name="differences",
                columns=("DeepSpeed", "its value", "trainer", "its value"),
                rows=tuple(found),
                total=len(found),
            ),
        ),
        impact="the Trainer ends the run when training begins",
        fixes=(
            Fix(
                title=f'write "auto" for {", ".join(dict.fromkeys(row[0] for row in found))}',
                safety=Safety.MANUAL,
            ),
        ),
    )


def _differences(
    recipe: Recipe, settings: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    for name, setting in PAIRS.items():
        theirs, ours = _at(settings, name), getattr(recipe, setting)
        if isinstance(theirs, int | float) and theirs != ours:
            yield name, f"{theirs:g}", setting, f"{ours:g}"
    whole = _at(settings, "train_batch_size")
    if recipe.hardware.world_size and isinstance(whole, int) and not isinstance(whole, bool):
        ours = recipe.effective_batch_size
        if whole != ours:
            yield "train_batch_size", f"{whole:g}", "per_device_train_batch_size", f"{ours:g}"
    for half in ("fp16", "bf16"):
        theirs = _at(settings, f"{half}.enabled")
        ours = recipe.precision == half
        if isinstance(theirs, bool) and theirs != ours:
            yield f"{half}.enabled", str(theirs).lower(), "precision", recipe.precision


def _at(settings: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  settings have every type
    value: Any = settings
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return None if value == "auto" else value
