"""DAT130: rows are packed into one so that each sees the ones before it."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import change, place
from tunewell.facts.written import literal
from tunewell.subjects.isolation import Isolation
from tunewell.subjects.recipe import Recipe

LLAMA_FACTORY = frozenset({"llamafactory", "llama-factory"})
TRL = frozenset({"trl", "script", "transformers"})


@check(
    "DAT130",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D54",),
)
def packed_rows_see_each_other(
    recipe: Recipe, isolation: Isolation | None, *, allow: bool = False
) -> Iterator[Finding]:
    """Packing joins rows without a border, so that an answer is learned after foreign text.

    ## What it finds
    Supervised fine-tuning with packing of the kind that keeps no borders: TRL's strategy "wrapped",
    and LLaMA-Factory's `packing` without `neat_packing`. `allow` (false) accepts it.

    ## Why it matters
    Every token attends to the rows packed before its own: the model learns to answer with somebody
    else's conversation in front of it, which it never has when it is used. "wrapped" also cuts rows
    in two wherever the length is full, so that the second half begins without its question.

    ## How it is measured
    From the settings. Measured with TRL 1.16 and transformers 5.23 on a small Llama: changing the
    first token of a packed row changes no answer of the next row with "bfd", whatever the attention
    (eager, sdpa), because the positions restart and the mask is made from them; with "wrapped" all
    64 that follow change. axolotl makes its own borders and warns where the attention cannot keep
    them: it is left alone. So is pre-training, where joined texts are usual, and a live trainer,
    which `packed-texts-attend` tries itself.

    ## Example
    `SFTConfig(packing=True, packing_strategy="wrapped")`.

    ## Fix
    `packing_strategy="bfd"`, the default of TRL; `neat_packing: true` in LLaMA-Factory.

    ## When it is wrong
    When the rows are plain text rather than questions and answers.

    ## Sources
    TRL documentation, "Reducing memory usage: packing"; LLaMA-Factory, `neat_packing`; TRL issues
    1230 and 3067. Fault D54 of the catalogue, reproduced with TRL 1.16.
    """
    preparation = recipe.preparation
    if not preparation.packing or recipe.task != "sft" or allow:
        reason = "rows are not packed for supervised fine-tuning"
        raise NotApplicableError(reason)
    if isolation is not None and isolation.texts:
        reason = "packed-texts-attend has tried it on the model itself"
        raise NotApplicableError(reason)
    if recipe.format in TRL:
        if preparation.packing_strategy != "wrapped":
            return
        message = 'packing strategy "wrapped" joins rows without a border and cuts them in two'
        fix = Fix(
            title='set packing_strategy to "bfd", which keeps rows whole and apart',
            safety=Safety.UNSAFE,
            edits=(change(recipe, "preparation.packing_strategy", "bfd"),),
        )
        setting, shown = "preparation.packing_strategy", "wrapped"
    elif recipe.format in LLAMA_FACTORY:
        if literal(recipe, "neat_packing"):
            return
        message = "packing without neat_packing joins rows without a border"
        fix = Fix(title="set neat_packing to true", safety=Safety.MANUAL)
        setting, shown = "preparation.packing", "packing, without neat_packing"
    else:
        reason = f"{recipe.format} keeps packed rows apart by itself"
        raise NotApplicableError(reason)
    yield Finding(
        message=message,
        where=(place(recipe, setting),),
        evidence=(Text(name="packing", text=shown),),
        impact="answers are learned after foreign text, and quality drops",
        fixes=(fix,),
    )
