"""DAT084: evaluation batches in which no token is trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
)
from tunewell.core.words import counted
from tunewell.facts.targets import documents, require_task
from tunewell.subjects.batch import Batch, Collated
from tunewell.subjects.recipe import Recipe


@check(
    "DAT084",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    covers=("D11",),
)
def evaluation_batch_without_trained_token(
    batch: Batch, recipe: Recipe | None, *, max_batches: int = 0
) -> Iterator[Finding]:
    """Evaluation batches without a single label, whose loss is not a number or counts as 0.

    ## What it finds
    Batches of the evaluation split, in its order and at its batch size, in which every label of
    every row is -100.

    ## Why it matters
    The mean over no token is not a number. What becomes of it depends on the trainer:

    - TRL's SFTTrainer counts such a batch as a loss of 0, so `eval_loss` comes out too low;
    - transformers 5.23 leaves it out of `eval_loss` without a word, or, with
      `logging_nan_inf_filter=False`, reports `eval_loss` as nan.

    Early stopping and the choice of the best checkpoint then go by a number that is wrong.

    ## How it is measured
    From the labels of all evaluation rows where the rows bring them; else from the sampled rows
    alone, where a batch holds one row. More than `max_batches` such batches, 0 by default, are
    reported.

    ## Example
    `per_device_eval_batch_size=1` and one row whose question fills the length limit.

    ## Fix
    Drop the rows without a label from the evaluation split.

    ## When it is wrong
    When `compute_loss` is your own and does not use labels.

    ## Sources
    Fault D11 of the catalogue. Measured with TRL 1.16: 2 of 8 rows without a label, in one batch,
    turn an `eval_loss` of 6.03 into 4.52.
    """
    require_task(batch, "causal")
    sample = batch.evaluation
    if sample is None:
        reason = "the trainer has no evaluation split"
        raise NotApplicableError(reason)
    rows, batches, total = _dead_batches(sample)
    if batches <= max_batches:
        return
    trl = recipe is not None and recipe.format == "trl"
    unfiltered = recipe is not None and not recipe.saving.logging_nan_inf_filter
    what = (
        "counts each as a loss of 0, so eval_loss is too low"
        if trl
        else ("reports eval_loss as nan" if unfiltered else "leaves them out of eval_loss")
    )
    yield Finding(
        message=(
            f"{batches:,} of {counted(total, 'evaluation batch', 'evaluation batches')} looked at "
            f"have no label to measure: the trainer {what}"
        ),
        where=tuple(Row(split=sample.split, index=row) for row in rows),
        evidence=(
            Number(
                name="batches without a label",
                value=batches,
                unit="batches",
                bound=f"at most {max_batches:,}",
            ),
            Number(name="rows in a batch", value=sample.batch_size, unit="rows"),
        ),
        impact="checkpoints are compared by a loss that is wrong",
        fixes=(Fix(title="drop the evaluation rows without a label", safety=Safety.MANUAL),),
        severity=None if trl or unfiltered else Severity.INFO,
        confidence=Confidence.HIGH,
    )


def _dead_batches(sample: Collated) -> tuple[list[int], int, int]:
    """Rows of the batches without a label, the number of these batches, and of all looked at."""
    size = sample.batch_size
    if sample.trained is not None:
        counts = sample.trained
        starts = range(0, len(counts), size)
        dead = [start for start in starts if not np.any(counts[start : start + size])]
        rows = [row for start in dead for row in range(start, min(start + size, len(counts)))]
        return rows, len(dead), len(starts)
    if size > 1:
        reason = "the rows bring no labels of their own, so batches of several cannot be foreseen"
        raise NotApplicableError(reason)
    alone = [
        row
        for row in sample.rows
        if row.labels is not None and not any(d.targets.any() for d in documents(row))
    ]
    return [row.index for row in alone if row.index is not None], len(alone), len(sample.rows)
