"""DAT121: preference pairs that are equal once they are cut."""

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
    Tokens,
)
from tunewell.core.words import counted
from tunewell.facts.recipe import place
from tunewell.subjects.batch import Batch, BatchRow
from tunewell.subjects.recipe import Recipe

MOST = 0.5
"""Share of the rows from which on most of the training is for nothing."""


@check(
    "DAT121",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("R03",),
)
def preference_cut_to_its_beginning(
    batch: Batch, recipe: Recipe, *, max_share: float = 0.05
) -> Iterator[Finding]:
    """Chosen and rejected answers that truncation leaves equal, or of which it leaves nothing.

    ## What it finds
    Rows of preference data whose two sides are different texts and the very same tokens in the
    batch: `max_length` cuts them where they begin to differ. Also sides without a token of their
    answer left.

    ## Why it matters
    The two sides then have the same probability. The loss of such a row is that of a coin, its
    gradient is zero, and the curve only looks as if the model found the task hard.

    ## How it is measured
    On sampled rows after the real collator, padding left out. A share above `max_share` (0.05,
    because the longest rows are among those sampled) is a warning; from half of the rows on it is
    an error. Pairs that are equal before they are cut are the matter of another check. TRL also
    takes rows out whose prompt alone fills `max_length`; they are not seen here.

    ## Example
    Answers that share 30 tokens with `max_length=30`: 24 of 24 pairs equal, loss 0.693.

    ## Fix
    Raise `max_length`, or shorten the prompts.

    ## When it is wrong
    When the pairs differ in something that is no token, such as an image.

    ## Sources
    Fault R03 of the catalogue, reproduced with TRL 1.16 (DPO).
    """
    if batch.task != "preference":
        reason = "the trainer learns no preferences"
        raise NotApplicableError(reason)
    pairs = _pairs(batch)
    cut = [pair for pair in pairs if _equal(*pair) or _nothing_left(pair)]
    if not pairs or len(cut) <= max_share * len(pairs):
        return
    chosen, _ = cut[0]
    limit = "" if recipe.max_length is None else f" to max_length ({recipe.max_length:,} tokens)"
    yield Finding(
        message=(
            f"of {counted(len(pairs), 'sampled pair')}, {len(cut):,} have the same tokens on both "
            f"sides after they are cut{limit}, though their texts differ"
        ),
        where=(
            place(recipe, "max_length")
            if recipe.max_length is not None
            else Key(path="max_length"),
            *(Row(split="train", index=one.index) for one, _ in cut if one.index is not None),
        ),
        evidence=(
            Number(
                name="pairs that are equal in the batch",
                value=100 * len(cut) / len(pairs),
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Tokens(
                name=f"both sides of row {chosen.index}",
                pieces=chosen.pieces,
                trained=tuple(bool(known) for known in chosen.trained),
            ),
        ),
        impact="nothing is learned from these pairs",
        fixes=(
            Fix(
                title="raise max_length beyond the place where the answers differ, or shorten "
                "the prompts",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.ERROR if len(cut) >= MOST * len(pairs) else Severity.WARNING,
    )


def _pairs(batch: Batch) -> list[tuple[BatchRow, BatchRow]]:
    sides: dict[int, dict[str, BatchRow]] = {}
    for row in batch.train.rows:
        if row.index is not None:
            sides.setdefault(row.index, {})[row.role] = row
    return [
        (pair["chosen"], pair["rejected"])
        for pair in sides.values()
        if {"chosen", "rejected"} <= pair.keys()
        and pair["chosen"].source.get("chosen") != pair["chosen"].source.get("rejected")
    ]


def _equal(chosen: BatchRow, rejected: BatchRow) -> bool:
    return bool(chosen.ids[chosen.attended].tolist() == rejected.ids[rejected.attended].tolist())


def _nothing_left(pair: tuple[BatchRow, BatchRow]) -> bool:
    return any(row.labels is not None and not row.trained.any() for row in pair)
