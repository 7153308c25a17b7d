"""MET026: batches of the evaluation whose loss is not a number."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, Severity, Table
from tunewell.core.words import counted
from tunewell.subjects.batch import Batch
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation


@check("MET026", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D11",))
def evaluation_loss_not_finite(
    evaluation: RehearsedEvaluation, batch: Batch | None, *, max_batches: int = 0
) -> Iterator[Finding]:
    """Evaluation batches whose loss is NaN or infinite, most often because nothing in them counts.

    ## What it finds
    Batches of the evaluation set that have a loss which is no finite number: every label in them is
    -100, or the model overflows.

    ## Why it matters
    `eval_loss` is NaN, or, with `logging_nan_inf_filter` as it stands by default, such batches are
    left out of it without a word: it is then the loss of other rows than one thinks.

    ## How it is measured
    The trainer's own evaluation over some rows (32 at most) of a copy, at the real batch size.
    More than `max_batches` batches without a finite loss, 0 by default, is a warning; all of them
    is an error.

    ## Example
    Evaluation rows whose answers truncation has cut off, one row a batch.

    ## Fix
    Take out evaluation rows without a trained token, or raise the length.

    ## When it is wrong
    When the rows tried are not those that meet in a real batch; the rows without labels are real.

    ## Sources
    Fault D11 of the catalogue, reproduced with transformers 5.23 (`Trainer.evaluation_loop`).
    """
    known = [loss for loss in evaluation.losses if loss is not None]
    if not known:
        reason = "the evaluation gives no loss"
        raise NotApplicableError(reason)
    bad = [at for at, loss in enumerate(known) if not math.isfinite(loss)]
    if len(bad) <= max_batches:
        return
    rows = _unlabelled(batch)
    if rows and evaluation.task == "causal":
        reason = "rows of a language model without a label are the matter of another check"
        raise NotApplicableError(reason)
    has = "has" if len(rows) == 1 else "have"
    why = f"; {counted(len(rows), 'sampled row')} {has} no label that counts" if rows else ""
    yield Finding(
        message=f"{len(bad):,} of {len(known):,} evaluation batches have no finite loss{why}",
        where=tuple(Row(split="eval", index=row) for row in rows)
        or tuple(Row(split="eval", index=row) for row in _of(evaluation, bad)),
        evidence=(
            Number(
                name="batches without a finite loss",
                value=len(bad),
                unit="batches",
                bound=f"at most {max_batches:,}",
            ),
            Table(
                name="losses",
                columns=("batch", "loss"),
                rows=tuple(
                    (at, loss if math.isfinite(loss) else None) for at, loss in enumerate(known)
                ),
                total=len(known),
            ),
        ),
        impact="eval_loss is NaN, or leaves these rows out without a word",
        fixes=(
            Fix(
                title="take out evaluation rows of which no token counts, or raise the length",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.ERROR if len(bad) == len(known) else Severity.WARNING,
    )


def _unlabelled(batch: Batch | None) -> list[int]:
    if batch is None or batch.evaluation is None:
        return []
    return [
        row.index
        for row in batch.evaluation.rows
        if row.labels is not None and row.index is not None and not row.trained.any()
    ]


def _of(evaluation: RehearsedEvaluation, batches: list[int]) -> list[int]:
    size = evaluation.batch_size
    return [row for at in batches for row in evaluation.rows[at * size : (at + 1) * size]]
