"""FIT013: tokens that were added and have nowhere to be learned."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
)
from tunewell.core.words import counted
from tunewell.subjects.batch import Batch
from tunewell.subjects.setup import NewTokens, Setup

EMBEDDINGS = "the input embedding and the output layer, by their names in the model"


@check("FIT013", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("O22",))
def new_tokens_untrained(
    setup: Setup, batch: Batch | None, *, min_rows: int = 1
) -> Iterator[Finding]:
    """Tokens added to the vocabulary whose embeddings are frozen.

    ## What it finds
    Tokens that the tokenizer knows and the model's own folder does not, that occur in training
    rows, and whose rows of the input embedding or of the output layer are not trained.

    ## Why it matters
    Such a row keeps the value that it was created with, the mean of all others or noise. The model
    reads the token as noise and can hardly ever say it: a new end-of-turn token is never
    produced, and answers run on.

    ## How it is measured
    The tokenizer's vocabulary is held against tokenizer.json in the model's folder, or, where there
    is none, against the number of embedding rows in its config.json. A row counts as trained if
    the embedding requires gradients, is in `modules_to_save`, carries an adapter, or if the token
    is among `trainable_token_indices`. At least `min_rows` (1) rows of the rehearsed batches must
    hold such a token: tokens that nobody uses harm nobody. A tokenizer that shares less than half
    of its tokens with the folder's is another one and not judged.

    ## Example
    `<|im_start|>` and `<|im_end|>` added for a chat template, the embeddings resized, and a LoRA on
    the attention layers alone.

    ## Fix
    `LoraConfig(trainable_token_indices=[...])` trains these rows alone; `modules_to_save` with the
    embedding and the output layer trains all rows.

    ## When it is wrong
    When the rows were filled with useful values by hand, for example with the mean of the pieces
    that made up the token before.

    ## Sources
    PEFT documentation on `trainable_token_indices`; PEFT issues 487, 1298 and 2589; axolotl issue
    1570. Fault O22 of the catalogue.
    """
    new = setup.new_tokens
    if new is None:
        reason = "no token is new, or the model's folder is not at hand to tell"
        raise NotApplicableError(reason)
    if not setup.trainable:
        reason = "nothing is trainable, which another check tells"
        raise NotApplicableError(reason)
    parts = _frozen(new)
    used = _rows(batch, new)
    if not parts or len(used) < min_rows:
        return
    texts = ", ".join(repr(text) for text in new.texts)
    yield Finding(
        message=(
            f"{counted(len(new.ids), 'new token')} ({texts}) "
            f"{'occurs' if len(new.ids) == 1 else 'occur'} in training rows, and "
            f"{' and '.join(parts)} for {'it' if len(new.ids) == 1 else 'them'} "
            f"{'is' if len(parts) == 1 else 'are'} frozen"
        ),
        where=tuple(used),
        evidence=(
            Number(name="rows with a new token", value=float(len(used)), unit="rows"),
            Number(name="new tokens", value=float(len(new.ids))),
        ),
        impact="the model reads these tokens as noise and hardly ever produces them",
        fixes=(
            Fix(
                title=(
                    f"give LoraConfig(trainable_token_indices={sorted(new.ids)[:8]})"
                    if setup.adapters
                    else f"train {EMBEDDINGS}"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )


def _frozen(new: NewTokens) -> list[str]:
    parts = [] if new.embedded else ["the input embedding"]
    return parts + (["the output layer"] if new.predicted is False else [])


def _rows(batch: Batch | None, new: NewTokens) -> list[Row]:
    if batch is None:
        return []
    return [
        Row(split="train", index=row.index or 0)
        for row in batch.train.rows
        if new.ids.intersection(row.ids[row.attended].tolist())
    ]
