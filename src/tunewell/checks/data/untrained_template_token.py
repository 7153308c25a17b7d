"""DAT093: special tokens in the batches that the model has never learned and will not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Table
from tunewell.core.words import counted
from tunewell.facts.targets import require_task, require_vocabulary
from tunewell.subjects.batch import Batch, Collated
from tunewell.subjects.token_vectors import TokenVectors

SHOWN = 10


@check(
    "DAT093",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D43",),
)
def untrained_template_token(
    batch: Batch, vectors: TokenVectors, *, min_length: float = 0.2
) -> Iterator[Finding]:
    """Special tokens of the template whose vectors are empty, in a model that leaves them so.

    ## What it finds
    Special tokens in the rows, such as `<|eot_id|>` or `<|im_end|>`, whose vector in the embedding
    or in the output layer is next to nothing, while that layer is frozen.

    ## Why it matters
    Base models hold rows for the tokens of their chat variant that no pretraining ever touched. A
    LoRA adapter leaves embedding and output layer as they are: the model cannot tell such tokens
    from one another, cannot write the end of a turn, and never stops, with a healthy loss.

    ## How it is measured
    A vector shorter than `min_length` times the median of its layer (0.2, as in the catalogue)
    counts as never trained. Padding is left out, for its vector is often 0 on purpose. A layer that
    is trained, in full or by an adapter of its own, can learn the token and is passed over.

    ## Example
    The chat template of Llama 3 Instruct on Llama 3 base, with LoRA on the attention.

    ## Fix
    Train the embedding and the output layer too (`modules_to_save=["embed_tokens", "lm_head"]`, or
    `trainable_token_indices`), set the vectors to the mean of the others first, or use a template
    whose tokens the model knows.

    ## When it is wrong
    When a model keeps short vectors for tokens that it uses all the time.

    ## Sources
    Fault D43 of the catalogue.
    """
    require_task(batch, "causal")
    vocabulary = require_vocabulary(batch)
    used = _used(batch.train, vocabulary.special - {vocabulary.pad})
    layers: list[tuple[str, NDArray[np.float64]]] = []
    if not vectors.input_trained:
        layers.append(("embedding", vectors.inputs))
    if not vectors.output_trained and vectors.outputs is not None:
        layers.append(("output layer", vectors.outputs))
    if not layers or not used:
        reason = "the embedding and the output layer are trained, or no row has a special token"
        raise NotApplicableError(reason)
    found: list[tuple[str, int, str, float]] = []
    for layer, lengths in layers:
        median = float(np.median(lengths))
        found += [
            (piece, token, layer, float(lengths[token]) / median)
            for token, piece in sorted(used.items())
            if 0 <= token < len(lengths) and median and lengths[token] < min_length * median
        ]
    if not found:
        return
    tokens = {token: piece for piece, token, *_ in found}
    named = ", ".join(repr(piece) for piece in list(tokens.values())[:3])
    verb = "has" if len(tokens) == 1 else "have"
    yield Finding(
        message=(
            f"{counted(len(tokens), 'special token')} of the rows ({named}) {verb} an empty vector "
            "in a layer that is frozen: the model never learned them and will not"
        ),
        evidence=(
            Table(
                name="special tokens with short vectors",
                columns=("token", "id", "layer", "length against the median"),
                rows=tuple(found[:SHOWN]),
                total=len(found),
            ),
        ),
        impact="the model cannot tell these tokens apart, and cannot write them",
        fixes=(
            Fix(
                title="train embed_tokens and lm_head too (modules_to_save or "
                "trainable_token_indices), or use a template of tokens that the model knows",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _used(sample: Collated, special: frozenset[int | None]) -> dict[int, str]:
    """The special tokens that reach the model, decoded."""
    found: dict[int, str] = {}
    for row in sample.rows:
        for place in np.flatnonzero(row.attended).tolist():
            if int(row.ids[place]) in special:
                found.setdefault(int(row.ids[place]), row.pieces[place])
    return found
