"""MET037: the evaluation loss is another one with another evaluation batch size."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Key, Number, Safety, Severity, Table
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation


@check("MET037", category=Category.SUSPICIOUS, severity=Severity.INFO, covers=("E24",))
def evaluation_loss_depends_on_batch_size(
    evaluation: RehearsedEvaluation, *, max_difference: float = 0.005
) -> Iterator[Finding]:
    """The same model has another evaluation loss with another `per_device_eval_batch_size`.

    ## What it finds
    An evaluation whose loss, over the same rows, differs between one row at a time and all of them
    in one batch.

    ## Why it matters
    Within one run every evaluation is off alike. Between two runs with different evaluation batch
    sizes, or against another tool's perplexity, the difference looks like progress.

    ## How it is measured
    Up to eight rows of a copy, of different length, by the trainer's own evaluation: one by one,
    again one by one, and in one batch. The two first must agree; the last may differ by
    `max_difference` of the loss (0.005, the catalogue's bound). The Trainer takes the mean over the
    tokens of each batch and then over the batches by their rows, so long rows count for more in a
    large batch. Told as information.

    ## Example
    12.61 one by one and 12.82 in batches of eight, the same model and rows.

    ## Fix
    Keep the batch size from run to run, or compare losses weighted by tokens.

    ## When it is wrong
    Never by its arithmetic; with rows of like length the difference vanishes.

    ## Sources
    transformers issues 39241 and 24839; `Trainer.evaluation_loop` of 5.23. Fault E24 of the
    catalogue, reproduced with it.
    """
    if len(evaluation.by_size) < 2:  # noqa: PLR2004  one size shows no difference
        reason = "the loss was not taken at two batch sizes"
        raise NotApplicableError(reason)
    small, large = min(evaluation.by_size), max(evaluation.by_size)
    one, other = evaluation.by_size[small], evaluation.by_size[large]
    off = abs(other - one) / max(abs(one), 1e-12)
    if off <= max_difference:
        return
    yield Finding(
        message=(
            f"the evaluation loss of the same {evaluation.sized:,} rows is {one:.4g} in batches of "
            f"{small} and {other:.4g} in batches of {large}: {100 * off:.2g} % apart"
        ),
        where=(Key(path="per_device_eval_batch_size"),),
        evidence=(
            Number(
                name="difference of the two losses",
                value=100 * off,
                unit="%",
                bound=f"at most {100 * max_difference:g} %",
            ),
            Table(
                name="loss by batch size",
                columns=("batch size", "loss"),
                rows=tuple((size, round(loss, 6)) for size, loss in evaluation.by_size.items()),
                total=len(evaluation.by_size),
            ),
        ),
        impact="runs with different evaluation batch sizes cannot be compared by their loss",
        fixes=(
            Fix(
                title="keep per_device_eval_batch_size the same in every run that is compared",
                safety=Safety.MANUAL,
            ),
        ),
    )
