"""MET011: the text that is judged is cut at a limit that the right answers pass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    SettingValue,
    Severity,
)
from tunewell.facts.parts import of_roles, parts
from tunewell.facts.recipe import change, place
from tunewell.facts.trainer_script import mentions
from tunewell.facts.written import written
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.parts import Role
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation
from tunewell.subjects.script import Script

DEFAULT_LENGTH = 20
"""Tokens that `generate` of transformers 5.23 writes where neither model nor call says."""

ANSWERS = frozenset({Role.ANSWER, Role.CHOSEN})
SPECIAL = 2
"""Tokens of an answer besides its words: the decoder's start and the end."""


@check("MET011", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E09",))
def generated_text_cut_short(
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    dataset: Dataset | None,
    script: Script | None,
    rehearsed: RehearsedEvaluation | None,
    *,
    longer_share: float = 0.05,
) -> Iterator[Finding]:
    """The evaluation generates fewer tokens than the right answers have.

    ## What it finds
    With `predict_with_generate`: an error where more than `longer_share` of the answers have more
    words than tokens are generated; a warning where neither the recipe nor the model sets a limit
    and no answers are there to compare, so that 20 tokens are all there is.

    ## Why it matters
    Every prediction is cut at the same place. ROUGE, BLEU and exact match are low for a reason that
    has nothing to do with the model, and the checkpoint that they choose is chosen by chance.

    ## How it is measured
    The limit is `generation_max_length`, or else what the model's generation_config.json or
    config.json says, or else 20, the default of `generate`. A word of an answer, as spaces part it,
    is at least one token, and start and end are two more: the count is a lower bound, so that what
    is said to be cut is cut. Where the evaluation was rehearsed, its own count is left to speak.
    `longer_share` is 5 %: a few long answers may well be cut.

    ## Example
    Summaries of 60 words, `predict_with_generate=True` and T5 without a length of its own.

    ## Fix
    Set `generation_max_length` above the longest answers.

    ## When it is wrong
    When the limit is given elsewhere: in `evaluate(max_length=...)` or in a generation config that
    is passed to the arguments. A script that mentions one is left alone where the limit is unsaid.

    ## Sources
    `Seq2SeqTrainer.evaluate` and `GenerationMixin.generate` of transformers 5.23; fault E09 of the
    catalogue, reproduced with them.
    """
    if not recipe.generation.predict_with_generate:
        reason = "nothing is generated while it is evaluated"
        raise NotApplicableError(reason)
    if rehearsed is not None and rehearsed.generated is not None:
        reason = "the evaluation was rehearsed, and its tokens counted"
        raise NotApplicableError(reason)
    limit, said_by = _limit(recipe, checkpoint)
    if said_by == "" and _said_elsewhere(recipe, script):
        reason = "the limit is set where only a run could tell it"
        raise NotApplicableError(reason)
    judged = None if dataset is None else dataset.evaluation or dataset.train
    words = None if judged is None else _words(judged)
    if words is not None and len(words):
        share = float(np.mean(words + SPECIAL > limit))
        if share > longer_share:
            yield _too_long(recipe, limit, said_by, words, share, longer_share)
    elif said_by == "":
        if checkpoint is None:
            reason = "pass the model, which may set the limit: --model FOLDER"
            raise NotRunError(reason)
        yield _unsaid(recipe)


def _limit(recipe: Recipe, checkpoint: Checkpoint | None) -> tuple[int, str]:
    """Tokens that are generated at most, and who says so; "" where nobody does."""
    own = recipe.generation
    for value, name in (
        (own.max_length, "generation_max_length"),
        (own.max_new_tokens, "max_new_tokens"),
    ):
        if value is not None:
            return value, name
    if checkpoint is not None:
        for table, file in (
            (checkpoint.generation or {}, "generation_config.json"),
            (checkpoint.config, "config.json"),
        ):
            for key in ("max_new_tokens", "max_length"):
                value = table.get(key)
                if isinstance(value, int):
                    return value, f"{key} in the model's {file}"
    return DEFAULT_LENGTH, ""


def _said_elsewhere(recipe: Recipe, script: Script | None) -> bool:
    if written(recipe, "generation_config") is not None:
        return True
    return script is not None and mentions(
        script, "max_new_tokens", "generation_config", "GenerationConfig"
    )


def _words(split: Split) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Words of each answer, as spaces part them."""
    texts = parts(split).texts
    return np.array([len(texts[int(at)].split()) for at in of_roles(split, ANSWERS)], np.int64)


def _fix(recipe: Recipe, tokens: int) -> Fix:
    new: SettingValue = tokens
    return Fix(
        title=f"generate up to {tokens} tokens",
        safety=Safety.UNSAFE,
        edits=(change(recipe, "generation.max_length", new),),
    )


def _too_long(
    recipe: Recipe,
    limit: int,
    said_by: str,
    words: np.ndarray[tuple[int], np.dtype[np.int64]],
    share: float,
    longer_share: float,
) -> Finding:
    longest = int(words.max()) + SPECIAL
    enough = 1 << (2 * longest - 1).bit_length()
    by = f", by {said_by}" if said_by else ", the default of generate"
    return Finding(
        message=(
            f"{limit} tokens are generated{by}, and {100 * share:.0f} % of the answers have more "
            f"(half have {int(np.median(words))} words or more, the longest {int(words.max())})"
        ),
        where=(place(recipe, "generation.max_length"),),
        evidence=(
            Number(
                name="answers that are cut",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * longer_share:g} %",
            ),
        ),
        impact="the scores measure the limit and not the model",
        fixes=(_fix(recipe, enough),),
    )


def _unsaid(recipe: Recipe) -> Finding:
    return Finding(
        message=(
            f"{DEFAULT_LENGTH} tokens are generated for each evaluation row: neither the recipe "
            "nor the model sets a limit, and this is the default of generate"
        ),
        where=(place(recipe, "generation.max_length"),),
        severity=Severity.WARNING,
        confidence=Confidence.MEDIUM,
        impact="longer answers are cut, and the scores are too low",
        fixes=(_fix(recipe, 128),),
    )
