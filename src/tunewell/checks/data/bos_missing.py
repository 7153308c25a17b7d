"""DAT092: texts without the beginning-of-text token that the tokenizer puts in front."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.facts.targets import (
    at,
    beginning,
    documents,
    require_task,
    require_vocabulary,
    stream,
)
from tunewell.subjects.batch import Batch


@check(
    "DAT092",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D05",),
)
def bos_missing(batch: Batch, *, max_with: float = 0.0) -> Iterator[Finding]:
    """Texts without the BOS token, where the tokenizer itself puts one in front of every text.

    ## What it finds
    The tokenizer begins what it tokenises with BOS, as those of Llama, Gemma and Mistral do, and no
    text that reaches the model begins with it or holds it.

    ## Why it matters
    Such a model was pretrained with BOS in front of everything, and leans on it: without it, the
    first loss is high and generations can be gibberish; Gemma is the best-known case. A template
    without BOS also differs from what `tokenizer(text)` gives where the model is served.

    ## How it is measured
    Of the texts looked at, at most `max_with` (none) hold the BOS token. Tokenizers that put none
    in front, as Qwen's, are passed over, and so are equally long pieces of a stream of text.

    ## Example
    A ChatML template is given to Gemma, whose own template begins with `{{ bos_token }}`.

    ## Fix
    Put `{{ bos_token }}` once at the beginning of the chat template, or tokenise with
    `add_special_tokens=True`.

    ## When it is wrong
    When the model is served with the same template and was pretrained without BOS all the same.

    ## Sources
    Fault D05 of the catalogue.
    """
    require_task(batch, "causal")
    vocabulary = require_vocabulary(batch)
    found = [document for row in batch.train.rows for document in documents(row)]
    if vocabulary.bos is None or not vocabulary.adds_bos or not found:
        reason = "the tokenizer does not put a BOS token in front of a text"
        raise NotApplicableError(reason)
    held = sum(bool((document.ids == vocabulary.bos).any()) for document in found)
    if held > max_with * len(found) or stream(found):
        return
    yield Finding(
        message=(
            f"none of the {len(found):,} texts looked at begins with the BOS token "
            f"(token {vocabulary.bos}), which the tokenizer puts in front of every text"
        ),
        where=at(batch.train, found),
        evidence=(
            Number(name="texts with BOS", value=held, unit="texts"),
            beginning("the beginning of a row", found[0].row),
        ),
        impact="every text begins otherwise than in pretraining",
        fixes=(
            Fix(
                title="put {{ bos_token }} once at the beginning of the chat template, or tokenise "
                "with add_special_tokens=True",
                safety=Safety.MANUAL,
            ),
        ),
    )
