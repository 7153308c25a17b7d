"""HYP003: one optimizer step takes more rows than there are."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place
from tunewell.knowledge.standard_values import lookup
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe


@check(
    "HYP003",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    covers=("O09",),
)
def accumulation_exceeds_data(
    recipe: Recipe, dataset: Dataset, *, min_steps_per_epoch: int = 1
) -> Iterator[Finding]:
    """Batch size times accumulation is more rows than the training data has.

    ## What it finds
    An effective batch (rows a device times accumulated batches) that would take the whole data
    set more than `min_steps_per_epoch` times over.

    ## Why it matters
    Each epoch is then a single optimizer step, however many rows it passes over. A run of three
    epochs moves the weights three times, and the loss at its end is that of its start.

    ## How it is measured
    By multiplication. `min_steps_per_epoch` is 1: at least one full effective batch in an epoch.

    ## Example
    30 rows, 8 a device, 64 batches accumulated: one optimizer step an epoch.

    ## Fix
    Accumulate fewer batches, or make the batch smaller, down to the usual effective batch.

    ## When it is wrong
    When full-batch descent over very many epochs is meant.

    ## Sources
    Fault O09 of the catalogue, reproduced with transformers 5.23: 1 optimizer step for 30 rows.
    """
    rows = len(dataset.train)
    effective = recipe.effective_batch_size
    if rows == 0 or effective * min_steps_per_epoch <= rows:
        return
    standard = lookup(recipe.task, "full", "effective_batch_size")
    most = max(1, rows // (10 * min_steps_per_epoch))
    wanted = min(int(standard.typical) if standard is not None else 16, most)
    batch = min(recipe.per_device_train_batch_size, wanted)
    edits = []
    if batch != recipe.per_device_train_batch_size:
        edits.append(change(recipe, "per_device_train_batch_size", batch))
    if recipe.gradient_accumulation_steps != 1:
        edits.append(change(recipe, "gradient_accumulation_steps", max(1, wanted // batch)))
    accumulated = recipe.gradient_accumulation_steps > 1
    setting = "gradient_accumulation_steps" if accumulated else "per_device_train_batch_size"
    made_of = (
        f"{recipe.per_device_train_batch_size:,} a device times "
        f"{recipe.gradient_accumulation_steps:,} accumulated"
        if accumulated
        else "the batch size"
    )
    yield Finding(
        message=(
            f"one optimizer step takes {effective:,} rows ({made_of}), but there are only "
            f"{rows:,} training rows"
        ),
        where=(place(recipe, setting),),
        evidence=(
            Number(
                name="rows of one optimizer step",
                value=float(effective),
                unit="rows",
                bound=f"at most {rows // min_steps_per_epoch:,}",
            ),
        ),
        impact="the weights move once an epoch",
        fixes=(
            Fix(
                title=f"make one optimizer step of about {wanted:,} rows",
                safety=Safety.UNSAFE,
                edits=tuple(edits),
            ),
        ),
    )
