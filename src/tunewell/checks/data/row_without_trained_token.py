"""DAT082: rows in which no token is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
from tunewell.facts.targets import beginning, documents, require_own_labels, require_task, texts
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import IGNORED, Batch, BatchRow, Collated

ASSISTANT_MASKS = ("assistant_masks", "assistant_mask")


@dataclass(frozen=True, slots=True)
class _Dead:
    """Rows without a trained token. `exact`: all rows of the split were counted."""

    rows: tuple[int, ...]
    count: int
    looked_at: int
    exact: bool
    examples: tuple[BatchRow, ...]

    @property
    def share(self) -> float:
        return self.count / self.looked_at


@check(
    "DAT082",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D08", "D09", "D10", "D60"),
)
def row_without_trained_token(
    batch: Batch, *, max_share: float = 0.01, max_sample_share: float = 0.1
) -> Iterator[Finding]:
    """Rows whose labels are all masked, so that nothing is learned from them.

    ## What it finds
    Training rows of a language model in which every label is -100 as the collator leaves it. It
    says what masked them: a question that fills the whole length, a chat template that marks no
    answer, the labels that the rows were given, or the collator.

    ## Why it matters
    With all rows masked the loss is exactly 0, or not a number, and no weight changes. With some,
    their time is wasted, and a batch of such rows alone has no loss.

    ## How it is measured
    By the labels of the collated batch; the first label of a row does not count, because nothing
    comes before it. Where the rows bring their labels and the collator keeps them, every row is
    counted, and more than `max_share` of them (1 %, as in the catalogue) is a warning. Else it is
    the sample of longest, shortest and random rows, which has too many odd ones: there more than
    `max_sample_share` (10 %) is a warning, and fewer are information. It is an error where no row
    has a trained token.

    ## Example
    The marker of an answer, "### Response:", is looked for by token numbers of its own, and
    tokenises otherwise inside a text: no row holds it, and each is masked whole.

    ## Fix
    Build the mask from the tokenizer itself: prompt-completion rows, or a chat template with
    `{% generation %}`. Raise the length limit, or drop the rows.

    ## When it is wrong
    When a loss of your own does not use labels.

    ## Sources
    Faults D08, D09, D10 and D60 of the catalogue. transformers 5.23 trains on with a loss of 0.0
    and no warning; TRL 1.16 drops rows that its own cut left without a label.
    """
    require_task(batch, "causal")
    require_own_labels(texts(batch.train))
    labelled = [row for row in batch.train.rows if row.labels is not None]
    if not labelled:
        reason = "the batches have no labels by token"
        raise NotApplicableError(reason)
    dead = _dead(batch.train, labelled)
    if not dead.count:
        return
    all_dead = dead.count == dead.looked_at
    much = dead.share > (max_share if dead.exact else max_sample_share)
    cause, advice = _cause(batch, labelled, dead.examples)
    looked = "rows" if dead.exact else "rows looked at"
    verb = "has" if dead.count == 1 else "have"
    yield Finding(
        message=(
            f"{dead.count:,} of {dead.looked_at:,} {looked} ({percent(dead.share)}) {verb} no "
            f"trained token: {cause}"
        ),
        where=tuple(Row(split=batch.train.split, index=index) for index in dead.rows),
        evidence=(
            Number(
                name="rows without a trained token",
                value=100 * dead.share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            beginning("the beginning of such a row", dead.examples[0]),
        ),
        impact="the loss is 0 and nothing is learned" if all_dead else "these rows teach nothing",
        fixes=(Fix(title=advice, safety=Safety.MANUAL),),
        severity=None if all_dead else (Severity.WARNING if much else Severity.INFO),
        confidence=Confidence.HIGH if all_dead or dead.exact else Confidence.MEDIUM,
    )


def _dead(sample: Collated, labelled: Sequence[BatchRow]) -> _Dead:
    found = tuple(row for row in labelled if not any(d.targets.any() for d in documents(row)))
    if sample.trained is not None and len(sample.trained):
        rows = np.flatnonzero(sample.trained == 0)
        if found or not len(rows):
            return _Dead(tuple(map(int, rows)), len(rows), len(sample.trained), True, found)
    numbers = tuple(sorted(row.index for row in found if row.index is not None))
    return _Dead(numbers, len(found), len(labelled), False, found)


def _cause(batch: Batch, labelled: Sequence[BatchRow], dead: Sequence[BatchRow]) -> tuple[str, str]:
    """What masked the rows, and what to do."""
    for name in ASSISTANT_MASKS:
        masks = [row.source.get(name) for row in dead]
        if all(isinstance(mask, list) and 1 not in mask for mask in masks):
            return (
                (
                    f"their {name} marks nothing, as of a chat template without a "
                    "{% generation %} block"
                ),
                "use a chat template with {% generation %} around what the assistant says",
            )
    alive = {id(row) for row in labelled} - {id(row) for row in dead}
    longest = max(int(row.attended.sum()) for row in labelled)
    if alive and all(int(row.attended.sum()) == longest for row in dead):
        return (
            f"each fills all {longest:,} tokens with what is masked, so the answer was cut off",
            "raise the length limit, or shorten or drop the rows with long questions",
        )
    given = [row.source.get("labels") for row in dead]
    if all(isinstance(labels, list) and set(labels) <= {IGNORED} for labels in given):
        return (
            "the rows come with all labels masked from how they were tokenised",
            (
                "mask by the tokenizer's own offsets or with prompt-completion rows, and recount "
                "the trained tokens"
            ),
        )
    return (
        (
            f"{batch.collator or 'the collator'} masks them whole, as where it does not find the "
            "text that begins an answer"
        ),
        "pass that text as token numbers taken from a whole row, or use prompt-completion rows",
    )
