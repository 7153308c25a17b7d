"""HYP024: accumulation where the size of the batch itself is what teaches."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import place
from tunewell.facts.script import called_names
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script

IN_BATCH = frozenset(
    {
        "MultipleNegativesRankingLoss", "MultipleNegativesSymmetricRankingLoss", "GISTEmbedLoss",
        "MegaBatchMarginLoss",
    }
)  # fmt: skip
"""Losses of sentence-transformers whose negatives are the other rows of the batch."""


@check("HYP024", category=Category.PERFORMANCE, severity=Severity.INFO, covers=("M02",))
def accumulation_adds_no_negatives(
    recipe: Recipe, script: Script, *, most_accumulated: int = 1
) -> Iterator[Finding]:
    """Gradient accumulation with a loss whose negatives are the rows of one batch: advice.

    ## What it finds
    More than `most_accumulated` (1) accumulated batches with MultipleNegativesRankingLoss or one of
    its kin.

    ## Why it matters
    These losses learn from the other rows of the same batch. Accumulation adds up gradients of
    small batches, each with its few negatives; it does not make one large batch of them. Who raises
    it to get more negatives gets none.

    ## How it is measured
    By the name of the loss in the script and the accumulation in the recipe.

    ## Example
    Batches of 16 with 8 accumulated: each row has 15 negatives, not 127.

    ## Fix
    CachedMultipleNegativesRankingLoss with a large batch: the memory of the small one, the
    negatives of the large one.

    ## When it is wrong
    When accumulation is wanted for a steadier gradient and nothing else; that is why this is
    advice.

    ## Sources
    sentence-transformers issue 2916 and its page on losses. Fault M02 of the catalogue, reproduced
    with 6.2.
    """
    used = called_names(script)
    losses = sorted(IN_BATCH & used)
    if not losses:
        reason = "the script has no loss with negatives from the batch"
        raise NotApplicableError(reason)
    if recipe.gradient_accumulation_steps <= most_accumulated:
        return
    rows = recipe.per_device_train_batch_size
    yield Finding(
        message=(
            f"{losses[0]} takes its negatives from one batch of {rows:,} rows: "
            f"accumulating {recipe.gradient_accumulation_steps:,} batches adds none"
        ),
        where=(place(recipe, "gradient_accumulation_steps"),),
        evidence=(Number(name="negatives of a row", value=float(max(0, rows - 1)), unit="rows"),),
        impact="the model learns from as few negatives as without accumulation",
        fixes=(
            Fix(
                title=(
                    "use CachedMultipleNegativesRankingLoss with a batch of "
                    f"{recipe.effective_batch_size:,} and no accumulation"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )
