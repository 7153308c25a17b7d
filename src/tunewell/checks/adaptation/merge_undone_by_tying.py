"""ADA021: an adapter that a merge of tied embeddings loses."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
)
from tunewell.subjects.round_trip import RoundTrip


@check("ADA021", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("S05",))
def merge_undone_by_tying(trip: RoundTrip, *, max_difference: float = 0.1) -> Iterator[Finding]:
    """An adapter on tied embeddings whose merged model answers differently.

    ## What it finds
    A model whose input embedding and output layer are one by its configuration, an adapter that
    trains one of them, and a merged model that, saved and loaded, gives other outputs: by more than
    `max_difference` (0.1) of their spread.

    ## Why it matters
    While it is trained, the adapter changes one of the two. Merging writes the change into the
    shared weight, or loading ties the two again, and the other one changes with it: answers turn
    to gibberish, although the adapter itself is fine.

    ## How it is measured
    A copy takes one step at a high rate, is merged, saved and loaded, and its outputs of one batch
    are held against those before. Merging alone rounds by one part in a million in float32;
    `max_difference` leaves room for 16 bits.

    ## Example
    `target_modules=["q_proj", "embed_tokens"]` on a model with `tie_word_embeddings: true`.

    ## Fix
    Leave the embeddings out of the adapter's targets, or name them in `modules_to_save`: PEFT then
    keeps the two as one, and the merged model is the same to one part in a million.

    ## When it is wrong
    When the adapter is never merged.

    ## Sources
    PEFT issue 2018 and pull request 2972; transformers issue 45127. Fault S05 of the catalogue.
    """
    if trip.merged is None:
        reason = "no adapter is on a tied embedding"
        raise NotApplicableError(reason)
    if trip.merged <= max_difference:
        return
    yield Finding(
        message=(
            "the adapter is on one of two tied embeddings: merged, saved and loaded, the model's "
            f"outputs differ by {trip.merged:.2g} times their spread"
        ),
        where=(Key(path="adapter.target_modules"),),
        evidence=(
            Number(
                name="largest difference of an output, relative to the outputs' spread",
                value=trip.merged,
                bound=f"at most {max_difference:g}",
            ),
        ),
        impact="the merged model answers differently from the one that was trained",
        fixes=(
            Fix(
                title=(
                    "leave embed_tokens and lm_head out of target_modules, or name embed_tokens in "
                    "modules_to_save"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )
