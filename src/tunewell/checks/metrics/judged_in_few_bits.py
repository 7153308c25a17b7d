"""MET012: the score is that of the quantised model."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import place
from tunewell.subjects.recipe import Recipe


@check(
    "MET012",
    category=Category.PEDANTIC,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("E25",),
)
def judged_in_few_bits(recipe: Recipe) -> Iterator[Finding]:
    """The model is evaluated in four or eight bits, and may be served in sixteen.

    ## What it finds
    `load_in_4bit` or `load_in_8bit` in a run that is evaluated.

    ## Why it matters
    The score is that of the quantised weights with the adapter. Merged into 16-bit weights the
    adapter meets other weights than those it was trained over, and the score is another one.

    ## How it is measured
    By the recipe. Nothing is wrong with training like this: it is said with `--pedantic` alone.

    ## Example
    QLoRA with `eval_strategy="steps"`.

    ## Fix
    Before a score is reported, evaluate the model as it will be served.

    ## When it is wrong
    When it is served in as many bits.

    ## Sources
    The warning of LLaMA-Factory on evaluating quantised models; fault E25 of the catalogue, which
    nobody has verified: it needs bitsandbytes on a GPU.
    """
    hardware, strategy = recipe.hardware, recipe.saving.eval_strategy
    bits = 4 if hardware.load_in_4bit else 8 if hardware.load_in_8bit else None
    if bits is None or strategy == "no":
        reason = "the weights are whole, or nothing is evaluated"
        raise NotApplicableError(reason)
    key = "load_in_4bit" if bits == 4 else "load_in_8bit"  # noqa: PLR2004  bits
    yield Finding(
        message=f"the evaluation scores the model in {bits} bits; served in 16 it differs",
        where=(place(recipe, f"hardware.{key}"), place(recipe, "saving.eval_strategy")),
        evidence=(Text(name="eval_strategy", text=strategy),),
        impact="the reported score is that of another model than the one that is served",
        fixes=(Fix(title="evaluate once more as it will be served", safety=Safety.MANUAL),),
    )
