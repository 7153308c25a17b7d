"""DAT090: token ids that the model has no vector for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Row, Safety, Severity
from tunewell.facts.targets import around
from tunewell.subjects.batch import Batch, BatchRow
from tunewell.subjects.token_vectors import TokenVectors


@check(
    "DAT090",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D41",),
)
def token_without_vector(
    batch: Batch, vectors: TokenVectors, *, max_beyond: int = 0
) -> Iterator[Finding]:
    """Token ids in the batches, or in the tokenizer, beyond the rows of the model's embedding.

    ## What it finds
    Input ids that are negative or not below the number of rows of the embedding; and a tokenizer
    with more tokens than the embedding has rows, where no such token was met yet.

    ## Why it matters
    The first batch with such a token stops training with `index out of range in self`, or on a GPU
    with an assertion of a CUDA kernel after which the process cannot go on.

    ## How it is measured
    By the ids of the collated batches, padding included. More than `max_beyond` such tokens (0) are
    an error. A tokenizer that is only larger is a warning: its last tokens may never be used. A
    larger embedding is right, for many are rounded up.

    ## Example
    `tokenizer.add_special_tokens({"pad_token": "[PAD]"})` without
    `model.resize_token_embeddings(len(tokenizer))`.

    ## Fix
    `model.resize_token_embeddings(len(tokenizer))` before the trainer is built, with the embedding
    trained; or use a token that the model already has, for padding above all.

    ## When it is wrong
    When the model replaces these ids before it looks them up, as some that see images do.

    ## Sources
    Fault D41 of the catalogue.
    """
    rows = [row for sample in batch.samples for row in sample.rows]
    if not rows:
        reason = "no row was collated"
        raise NotApplicableError(reason)
    size = vectors.rows
    wrong = [row for row in rows if ((row.ids < 0) | (row.ids >= size)).any()]
    beyond = {int(i) for row in wrong for i in row.ids[(row.ids < 0) | (row.ids >= size)]}
    known = batch.vocabulary.size if batch.vocabulary is not None else 0
    fix = Fix(
        title="call model.resize_token_embeddings(len(tokenizer)) and train the embedding, or use "
        "tokens that the model has",
        safety=Safety.MANUAL,
    )
    if len(beyond) > max_beyond:
        named = ", ".join(str(number) for number in sorted(beyond)[:5])
        yield Finding(
            message=(
                f"{len(wrong):,} of {len(rows):,} rows looked at hold tokens ({named}) for which "
                f"the model's embedding of {size:,} rows has no vector"
            ),
            where=_where(batch, wrong),
            evidence=(
                Number(name="rows of the embedding", value=size, unit="rows"),
                Number(name="tokens of the tokenizer", value=known, unit="tokens"),
                around("around such a token", wrong[0], _place(wrong[0], size)),
            ),
            impact="training stops at the first batch with such a token",
            fixes=(fix,),
        )
    elif known > size:
        yield Finding(
            message=(
                f"the tokenizer has {known:,} tokens and the model's embedding {size:,} rows: "
                f"the last {known - size:,} have no vector"
            ),
            evidence=(
                Number(name="rows of the embedding", value=size, unit="rows"),
                Number(name="tokens of the tokenizer", value=known, unit="tokens"),
            ),
            impact="training stops at the first batch with one of them",
            fixes=(fix,),
            severity=Severity.WARNING,
            confidence=Confidence.MEDIUM,
        )


def _place(row: BatchRow, size: int) -> int:
    return int(np.flatnonzero((row.ids < 0) | (row.ids >= size))[0])


def _where(batch: Batch, wrong: list[BatchRow]) -> tuple[Row, ...]:
    chosen = set(map(id, wrong))
    return tuple(
        Row(split=sample.split, index=row.index)
        for sample in batch.samples
        for row in sample.rows
        if id(row) in chosen and row.index is not None
    )
