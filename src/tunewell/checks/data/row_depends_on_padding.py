"""DAT122: a row's output changes with the padding beside it."""

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
    Row,
    Safety,
    Severity,
    Table,
    Text,
)
from tunewell.facts.first_step import Cause, cause
from tunewell.subjects.first_step import FirstStep
from tunewell.subjects.row_alone import RowAlone

HALF = frozenset({"bfloat16", "float16"})


@check(
    "DAT122",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("E11", "E12", "R17"),
)
def row_depends_on_padding(
    step: FirstStep,
    alone: RowAlone | None,
    *,
    max_difference: float = 1e-3,
    max_half_difference: float = 0.1,
) -> Iterator[Finding]:
    """Classes or rewards that change with the padding, most often for want of the right pad id.

    ## What it finds
    - a decoder with a classification head that knows no padding token, at more than one row a
      batch;
    - one whose configuration has another padding token than the tokenizer that pads: it then reads
      its answer off the padding;
    - any other classifier or reward model that answers a padded row otherwise than the row alone.

    ## Why it matters
    The first one stops training. The others train, and the score of a row depends on the rows that
    happen to be beside it.

    ## How it is measured
    A copy of the model, without dropout, answers the shortest and the longest of the sampled rows
    one by one and in one padded batch. A difference above `max_difference` of the largest output
    (0.001; rounding gives 1e-6 in single precision) is found, above `max_half_difference` (0.1)
    where the weights have 16 bits. `train` copies the tokenizer's ids into the configuration
    first (transformers 5), and so does this check: with a tokenizer as `processing_class` two
    different ids do no harm.

    ## Example
    A Llama classifier with pad id 7 in its configuration, padded with id 2 by the collator: outputs
    of a short row differ by 130 % of the largest.

    ## Fix
    Set `model.config.pad_token_id = tokenizer.pad_token_id`, or pass the tokenizer to the trainer
    as `processing_class`.

    ## When it is wrong
    When the model is meant to look at other rows of the batch.

    ## Sources
    Faults E11, E12 and R17 of the catalogue, the first two reproduced with transformers 5.23; TRL
    1.16 refuses a reward model with more than one output itself.
    """
    if cause(step) is Cause.PADDING:
        yield _unknown(step)
        return
    if alone is None:
        reason = "only the outputs of a classifier or a reward model are compared"
        raise NotApplicableError(reason)
    bound = max_half_difference if alone.precision in HALF else max_difference
    other = [row for row in alone.rows if row.padding and row.difference > bound]
    if not other:
        return
    worst = max(other, key=lambda row: row.difference)
    tokenizer, model = alone.pad_ids
    known = alone.pools and tokenizer is not None and tokenizer != model
    why = (
        f"the batch is padded with token {tokenizer}, and config.pad_token_id is {model}, by which "
        f"{alone.model} finds the end of a row"
        if known
        else "the batch has no attention mask"
        if not alone.masked
        else "its padding is not masked"
    )
    title = "have the collator return the attention mask, and the model use it"
    if known:
        title = f"set model.config.pad_token_id = {tokenizer}, or pass processing_class=tokenizer"
    yield Finding(
        message=(
            f"{len(other):,} of {len(alone.rows):,} compared rows get another output in a padded "
            f"batch than alone, by up to {100 * worst.difference:,.3g} % of the largest: {why}"
        ),
        where=tuple(Row(split="train", index=at) for at in dict.fromkeys(r.index for r in other)),
        evidence=(
            Number(
                name="largest difference",
                value=100 * worst.difference,
                unit="%",
                bound=f"at most {100 * bound:g} %",
            ),
            Table(
                name="rows alone and in a batch",
                columns=("row", "tokens", "padding", "difference, %"),
                rows=tuple((r.index, r.tokens, r.padding, 100 * r.difference) for r in alone.rows),
                total=len(alone.rows),
            ),
        ),
        impact="what a row is given depends on the rows beside it, in training and in use",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
        confidence=Confidence.HIGH if known else Confidence.MEDIUM,
        severity=Severity.ERROR if known else Severity.WARNING,
    )


def _unknown(step: FirstStep) -> Finding:
    tokenizer, _ = step.pad_ids
    title = "set model.config.pad_token_id to the tokenizer's, and pass the tokenizer as "
    return Finding(
        message=(
            f"{step.model} knows no padding token (config.pad_token_id is None), and a batch has "
            f"{step.batch_size:,} rows"
        ),
        where=(Key(path="pad_token_id"),),
        evidence=(
            Text(name="what it raises", text=str(step.raised)),
            Number(name="padding token of the tokenizer", value=tokenizer),
        ),
        impact="training stops at the first batch",
        fixes=(Fix(title=title + "processing_class", safety=Safety.MANUAL),),
    )
