"""HW018: some processes run out of batches before the others."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
)
from tunewell.facts.recipe import change, place
from tunewell.facts.written import value_of
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe


@check("HW018", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("P29",))
def unequal_batches(recipe: Recipe, dataset: Dataset | None) -> Iterator[Finding]:
    """The processes of a run get different numbers of batches, and wait for one another for ever.

    ## What it finds
    Several processes, `even_batches` switched off and `dataloader_drop_last` not switched on: an
    error where the rows do not go up evenly, a warning where their number is not known.

    ## Why it matters
    Every step waits for all processes. Those with a batch more wait for the others, which have
    ended their epoch: the run stands still near its end until a timeout of half an hour.

    ## How it is measured
    By counting: rows over the batch size, rounded up, dealt out to the processes in turn. By
    default accelerate repeats some first rows, so that all get the same number.

    ## Example
    37 rows, batches of 4 and three processes: ten batches, of which the first process gets four and
    the others three.

    ## Fix
    Leave `even_batches` on, or set `dataloader_drop_last`.

    ## When it is wrong
    When the loop is inside `Accelerator.join_uneven_inputs`.

    ## Sources
    `BatchSamplerShard` of accelerate 1.15, whose numbers are compared in a test; fault P29 of the
    catalogue. Streams that are split unevenly by a loader of one's own are not seen from here.
    """
    processes = recipe.hardware.world_size or 1
    if processes <= 1 or value_of(recipe, "even_batches") is not False:
        reason = "there is one process, or the batches are evened out"
        raise NotApplicableError(reason)
    if recipe.hardware.dataloader_drop_last:
        return
    rows = None if dataset is None else len(dataset.train)
    batches = None if rows is None else math.ceil(rows / recipe.per_device_train_batch_size)
    if batches is not None and batches % processes == 0:
        return
    counted = (
        "get different numbers of batches unless the rows go up evenly"
        if batches is None
        else f"share {batches:,} batches, so that {batches % processes} of them get one more"
    )
    yield Finding(
        message=f"even_batches is off and {processes} processes {counted}: the run stands still",
        severity=Severity.WARNING if batches is None else Severity.ERROR,
        confidence=Confidence.MEDIUM if batches is None else Confidence.HIGH,
        where=(place(recipe, "hardware.dataloader_drop_last"),),
        evidence=(
            Number(
                name="batches left over",
                value=None if batches is None else batches % processes,
                bound="0",
                unit="batches",
            ),
        ),
        impact="the run waits at the end of an epoch until it times out",
        fixes=(
            Fix(
                title="leave out the rows that do not fill a batch: dataloader_drop_last",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "hardware.dataloader_drop_last", new=True),),
            ),
        ),
    )
