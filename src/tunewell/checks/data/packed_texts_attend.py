"""DAT091: packed texts that see each other."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.facts.answer_ends import is_answer
from tunewell.facts.targets import texts
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import Batch
from tunewell.subjects.isolation import Isolation
from tunewell.subjects.recipe import Recipe


@check(
    "DAT091",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D54",),
)
def packed_texts_attend(
    isolation: Isolation, batch: Batch, recipe: Recipe | None, *, max_seen: float = 0.0
) -> Iterator[Finding]:
    """Texts that are packed into one row and take each other for their context.

    ## What it finds
    A packed row whose second text gives other hidden states when the first is replaced: attention,
    or another part of the model, reaches across the border.

    ## Why it matters
    Each text is trained in the context of whatever happened to be packed in front of it. The model
    learns to expect that, and quality drops by as much as packing saves time.

    ## How it is measured
    Two forward passes of a copy of the real model, in evaluation mode, over one packed row as the
    collator makes it. Nothing of the second text may move; a share above `max_seen` (0) is found.
    It is an error where the position ids begin again with each text, for then the texts were meant
    to be apart. Where only end tokens tell texts apart, it is a warning for answers to questions,
    and information for running text, where it is how pretraining is usually done.

    ## Example
    `SFTConfig(packing=True, packing_strategy="wrapped")`: in the catalogue's reproduction all 64
    positions of the next text moved, and none with "bfd".

    ## Fix
    `packing_strategy="bfd"` in TRL, `neat_packing` in LLaMA-Factory, and an attention that keeps
    packed texts apart: `attn_implementation="flash_attention_2"`, or a model that takes position
    ids into account in its mask.

    ## When it is wrong
    When texts that belong together were packed together on purpose.

    ## Sources
    Fault D54 of the catalogue.
    """
    if not isolation.texts:
        reason = "no row that was looked at holds several texts"
        raise NotApplicableError(reason)
    if isolation.seen <= max_seen:
        return
    meant = isolation.by == "positions"
    vocabulary = batch.vocabulary
    answers = vocabulary is not None and any(is_answer(d, vocabulary) for d in texts(batch.train))
    strategy = recipe.preparation.packing_strategy if recipe is not None else None
    how = "" if meant or strategy is None else f" (packing_strategy: {strategy})"
    severity = Severity.WARNING if answers else Severity.INFO
    yield Finding(
        message=(
            f"packed texts see each other{how}: replacing the first text of a row moves "
            f"{percent(isolation.seen)} of the {isolation.length:,} tokens of the second"
        ),
        evidence=(
            Number(
                name="tokens of the next text that move",
                value=100 * isolation.seen,
                unit="%",
                bound=f"at most {100 * max_seen:g} %",
            ),
            Number(name="largest move, in standard deviations", value=isolation.change),
        ),
        impact="texts are trained in the context of others that do not belong to them",
        fixes=(
            Fix(
                title=f"use an attention that keeps packed texts apart; "
                f"{isolation.attention or 'this one'} does not in this model"
                if meant
                else 'set packing_strategy to "bfd", or do not pack',
                safety=Safety.MANUAL,
            ),
        ),
        severity=None if meant else severity,
        confidence=Confidence.HIGH if meant else Confidence.MEDIUM,
    )
