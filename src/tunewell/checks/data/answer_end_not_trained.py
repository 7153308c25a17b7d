"""DAT083: answers whose end is not trained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.core.words import counted
from tunewell.facts.answer_ends import End, answer_ends, cut_length, is_answer, masked_by_padding
from tunewell.facts.targets import (
    Document,
    around,
    at,
    require_own_labels,
    require_task,
    require_vocabulary,
    stream,
    texts,
)
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import Batch, Vocabulary
from tunewell.subjects.recipe import Recipe

NEVER_STOPS = "the model learns answers and not where they end: it goes on to the length limit"


@dataclass(frozen=True, slots=True)
class _Cause:
    """What is wrong with the ends, in words."""

    message: str
    advice: str
    severity: Severity = Severity.WARNING
    confidence: Confidence = Confidence.HIGH


@check(
    "DAT083",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D01", "D02", "D03", "D12"),
)
def answer_end_not_trained(
    batch: Batch,
    recipe: Recipe | None,
    *,
    max_masked: float = 0.05,
    max_without: float = 0.05,
    max_cut: float = 0.01,
) -> Iterator[Finding]:
    """Answers whose end token is masked, missing or cut off, so that the model never stops.

    ## What it finds
    In the batches as the collator really makes them, one of four faults that look the same after
    training:

    - the end token is there, and the collator masks it because the padding token is the same one;
    - the end token stands right behind what is trained, outside the loss mask;
    - no end token follows the answer;
    - rows are cut at the length limit, and the end with them.

    ## Why it matters
    The loss looks healthy, and the model does not stop: it runs to the limit of new tokens, repeats
    itself or goes on with the user's next turn.

    ## How it is measured
    Each run of trained tokens must end with a token that ends an answer: the tokenizer's end token,
    the special token with which the chat template ends a turn, any at which `generate` stops, or
    another special token; white space may follow. More than `max_masked` of the runs (5 %) whose
    end token is masked, more than `max_without` of the texts (5 %) without one, or more than
    `max_cut` of the rows (1 %) cut at the length limit are reported; the shares are those of the
    catalogue. It is an error where no end token at all is trained although each is there, except in
    running text that was cut into equal pieces. Such pieces, trained in full, end anywhere, and
    texts without turns, masks or a mark of an answer may be read on: for them a missing end is
    passed over or information.

    ## Example
    `tokenizer.pad_token = tokenizer.eos_token` with transformers' `DataCollatorForLanguageModeling`
    sets the label of each end token to -100.

    ## Fix
    In the order of the faults: give padding a token of its own; move the end of turn inside the
    `{% generation %}` block; append the end token when rows are tokenised; raise the limit.

    ## When it is wrong
    When answers are scored by their first token and never generated, or when a turn is meant to be
    continued.

    ## Sources
    Faults D01, D02, D03 and D12 of the catalogue. TRL 1.16 adds the end token to texts and to
    prompt-completion rows and masks padding by length; transformers 5.23 masks it by token.
    """
    require_task(batch, "causal")
    vocabulary = require_vocabulary(batch)
    found = texts(batch.train)
    require_own_labels(found)
    ends = [end for document in found for end in answer_ends(document, vocabulary)]
    if not ends:
        reason = "no text has a trained token"
        raise NotApplicableError(reason)
    masked = [end for end in ends if end.state == "masked"]
    missing = [end for end in ends if end.state == "open"]
    if len(masked) > max_masked * len(ends):
        wrong, cause = masked, _masked(batch, vocabulary, masked, ends)
    else:
        limit = cut_length(batch.train, found, ends, recipe)
        if _pieces_of_a_stream(recipe) or (limit is None and stream(found)):
            return
        cut = [end for end in missing if len(end.document.ids) == limit]
        without = [end for end in missing if len(end.document.ids) != limit]
        share = _share_cut(batch, limit, len(cut) / len(found))
        if len(without) > max_without * len(found):
            wrong, cause = without, _without(found, without, ends, vocabulary)
        elif cut and limit is not None and share > max_cut:
            wrong, cause = cut, _cut(limit, share)
        else:
            return
    yield Finding(
        message=cause.message,
        where=at(batch.train, [end.document for end in wrong]),
        evidence=(
            Number(
                name="answers with a trained end",
                value=100 * sum(end.state == "trained" for end in ends) / len(ends),
                unit="%",
            ),
            around("the end of an answer", wrong[0].document.row, wrong[0].place + 1),
        ),
        impact=NEVER_STOPS,
        fixes=(Fix(title=cause.advice, safety=Safety.MANUAL),),
        severity=cause.severity,
        confidence=cause.confidence,
    )


def _masked(batch: Batch, vocabulary: Vocabulary, masked: list[End], ends: list[End]) -> _Cause:
    token = masked[0].piece
    count = f"{len(masked):,} of {counted(len(ends), 'answer')}"
    none_left = not any(end.state == "trained" for end in ends)
    token_id = int(masked[0].document.row.ids[masked[0].place])
    running = stream(texts(batch.train), but=token_id)
    severity = Severity.ERROR if none_left and not running else Severity.WARNING
    if masked_by_padding(masked, vocabulary):
        return _Cause(
            f"the end token {token!r} of {count} looked at is not trained: it is also the "
            f"padding token, and {batch.collator or 'the collator'} masks it wherever it stands",
            "give padding a token of its own (tokenizer.pad_token), or use a collator that masks "
            "by length",
            severity,
        )
    return _Cause(
        f"the end token {token!r} of {count} looked at stands right behind what is trained, "
        "outside the loss mask",
        "move the end of turn inside the {% generation %} block, or let the mask reach one token "
        "further",
        severity,
    )


def _without(
    found: list[Document], without: list[End], ends: list[End], vocabulary: Vocabulary
) -> _Cause:
    answers = sum(is_answer(end.document, vocabulary) for end in without) > len(without) / 2
    nowhere = not any(end.state == "trained" for end in ends)
    verb = "ends" if len(without) == 1 else "end"
    message = (
        f"{len(without):,} of {counted(len(found), 'text')} looked at {verb} without an end token"
    )
    advice = "append tokenizer.eos_token to each answer before it is tokenised"
    if answers:
        return _Cause(message, advice, confidence=Confidence.MEDIUM)
    told = ", which is right only for text that may be read on" if nowhere else ""
    return _Cause(message + told, advice, Severity.INFO, Confidence.MEDIUM)


def _cut(limit: int, share: float) -> _Cause:
    return _Cause(
        f"{percent(share)} of the rows are cut at {limit:,} tokens, the length limit: the end of "
        "their answers and the end token are lost",
        "raise the length limit (max_length) above the longest row, or split or drop the long rows",
    )


def _share_cut(batch: Batch, limit: int | None, in_sample: float) -> float:
    """Share of the split that is cut. The sample holds the longest rows, so it has too many."""
    lengths = batch.train.lengths
    if limit is None or not len(lengths):
        return in_sample
    return min(in_sample, float(np.mean(lengths >= limit)))


def _pieces_of_a_stream(recipe: Recipe | None) -> bool:
    strategy = recipe.preparation.packing_strategy if recipe is not None else None
    packed = recipe is not None and recipe.preparation.packing
    return packed and re.fullmatch("wrapped|bfd_split", strategy or "") is not None
