"""FIT014: several small batches that do not add up to the large one."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.recipe import place
from tunewell.subjects.equivalences import Equivalences, Pair
from tunewell.subjects.recipe import Recipe

SETTING = "gradient_accumulation_steps"


@check(
    "FIT014",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    covers=("O06", "O07", "O08"),
)
def accumulation_changes_gradient(
    equivalences: Equivalences,
    recipe: Recipe | None,
    *,
    max_difference: float = 0.05,
    times_tolerance: float = 0.25,
) -> Iterator[Finding]:
    """Gradient accumulation that gives another gradient than one large batch.

    ## What it finds
    A training in which the gradient of several small batches is not that of the same rows in one:
    multiplied by the number of batches, or weighted by batch instead of by token.

    ## Why it matters
    Multiplied, the logged loss is that many times too high and cannot be compared with another run,
    and clipping at a norm of 1 acts at 1/4 when 4 batches are accumulated. Weighted by batch, a
    token of a short batch counts more than one of a long batch, so that changing the batch size to
    fit a memory changes what is learned.

    ## How it is measured
    A copy of the trainer, without dropout and clipping, takes the step twice over the same rows,
    as unlike in length as there are: once in one batch, once in batches of two rows. Agreeing
    gradients differ by rounding alone, about one part in a million. A factor within
    `times_tolerance` (0.25) of the number of batches is named as such: weights by batch move it by
    a tenth. Otherwise a relative difference above `max_difference` (0.05) is named: the catalogue
    measured 0.0 % for a loss divided by tokens and 21 % for one averaged by batch. A short last
    window, as at the end of an epoch, is measured too. A difference that two equal runs with
    other seeds show as well (a collator that draws at random) is not judged.

    ## Example
    `BertForSequenceClassification` in transformers 5.15 to 5.23 takes `num_items_in_batch` among
    its keyword arguments and does not use it; the Trainer then does not divide, and with 4 batches
    the gradient is exactly 4 times as large. So does a `compute_loss` that accepts the number and
    ignores it.

    ## Fix
    Divide the summed loss by `num_items_in_batch`; or tell the trainer that the loss is a mean:
    `trainer.model_accepts_loss_kwargs = False`.

    ## When it is wrong
    For a loss over the rows of a batch together, such as a contrastive one. The trainers of
    sentence-transformers and of reinforcement learning are left out for that reason.

    ## Sources
    transformers issues 37766 and 47688; "Fixing gradient accumulation", Hugging Face blog, 2024.
    Faults O06, O07 and O08 of the catalogue.
    """
    whole, partial = equivalences.whole, equivalences.partial
    if equivalences.noise > max_difference:
        reason = "two equal runs with other seeds differ as well: the collator draws at random"
        raise NotApplicableError(reason)
    times = whole.accumulation
    if abs(whole.scale / times - 1) <= times_tolerance and whole.scale > 1 + times_tolerance:
        yield _multiplied(equivalences, whole, recipe)
    elif whole.difference > max_difference:
        yield _weighted(equivalences, whole, recipe)
    elif partial is not None and partial.difference > max_difference:
        yield _short_window(equivalences, partial, recipe)


def _multiplied(found: Equivalences, pair: Pair, recipe: Recipe | None) -> Finding:
    return Finding(
        message=(
            f"the gradient is multiplied by the number of accumulated batches: {pair.scale:.2f} "
            f"times as large in {pair.accumulation} batches of {pair.batch} as in one of "
            f"{pair.rows}. {found.owner} ignores num_items_in_batch, and the trainer relies on it "
            "to divide"
        ),
        where=_where(recipe),
        evidence=_evidence(found, "1 times", pair.scale),
        impact=(
            "the logged loss is that many times too high, and clipping acts that many times "
            "earlier than max_grad_norm says"
        ),
        severity=Severity.ERROR if found.own_loss else Severity.WARNING,
        fixes=(
            Fix(
                title=(
                    "divide the summed loss by num_items_in_batch"
                    if found.own_loss
                    else "set trainer.model_accepts_loss_kwargs = False before training"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )


def _weighted(found: Equivalences, pair: Pair, recipe: Recipe | None) -> Finding:
    why = (
        f"{found.owner} averages over each batch, so that a token of a short batch weighs more"
        if found.by_token
        else f"what {found.owner} computes depends on which rows share a batch"
    )
    return Finding(
        message=(
            f"the gradient of {pair.accumulation} accumulated batches of {pair.batch} is "
            f"{pair.difference:.0%} off that of the same {pair.rows} rows in one batch: {why}"
        ),
        where=_where(recipe),
        evidence=_evidence(found, "0 %", 100 * pair.difference, "%"),
        impact="results change with the batch size at the same effective batch size",
        confidence=Confidence.MEDIUM,
        fixes=(
            Fix(
                title=(
                    "have the loss divide by num_items_in_batch, or group rows by length so that "
                    "batches have about as many tokens each"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )


def _short_window(found: Equivalences, pair: Pair, recipe: Recipe | None) -> Finding:
    batches = pair.rows // pair.batch
    return Finding(
        message=(
            f"the last step of an epoch, with {batches} batches of {pair.accumulation}, has a "
            f"gradient {pair.scale:.2f} times as large as it should: {found.owner} divides by the "
            "configured number of batches"
        ),
        where=_where(recipe),
        evidence=_evidence(found, "1 times", pair.scale),
        impact="one step of each epoch is too small",
        confidence=Confidence.MEDIUM,
        fixes=(
            Fix(
                title=(
                    "divide by self.current_gradient_accumulation_steps, or set "
                    "dataloader_drop_last: true"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )


def _where(recipe: Recipe | None) -> tuple[Key, ...]:
    return (place(recipe, SETTING) if recipe is not None else Key(path=SETTING),)


def _evidence(
    found: Equivalences, bound: str, value: float, unit: str = "times"
) -> tuple[Number, Table]:
    pairs = [("full window", found.whole), ("short last window", found.partial)]
    rows = tuple(
        (what, pair.rows, pair.batch, pair.accumulation, 100 * pair.difference, pair.scale)
        for what, pair in pairs
        if pair is not None
    )
    note = " (small model of the same kind)" if found.stand_in else ""
    return (
        Number(name="gradient against one large batch", value=value, bound=bound, unit=unit),
        Table(
            name=f"one batch against several{note}",
            columns=("window", "rows", "batch", "accumulated", "difference in %", "factor"),
            rows=rows,
            total=len(rows),
        ),
    )
