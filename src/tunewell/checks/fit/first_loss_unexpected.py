"""FIT018: a first loss that the model should not have."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
)
from tunewell.subjects.equivalences import Equivalences
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.setup import Setup


@check(
    "FIT018",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D42",),
)
def first_loss_unexpected(
    state: ModelState,
    setup: Setup,
    recipe: Recipe | None,
    equivalences: Equivalences | None,
    *,
    times_chance: float = 3.0,
    share_of_chance: float = 0.8,
) -> Iterator[Finding]:
    """A first loss far above chance, or at chance for a pretrained language model.

    ## What it finds
    A classifier with a new head whose first loss is more than `times_chance` (3) times the
    logarithm of its number of classes, and a language model loaded from files whose first loss is
    above `share_of_chance` (0.8) of the logarithm of its vocabulary.

    ## Why it matters
    A new head guesses, and guessing costs ln(classes): much more means another loss than was
    meant, such as a sum over the batch. A pretrained language model that does no better than
    guessing reads other tokens than it was trained on: a tokenizer of another model, shifted
    labels, or weights that were not loaded.

    ## How it is measured
    By the loss of the rehearsed step before anything is learned. `share_of_chance` is the
    catalogue's bound: pretrained models of 0.1 to 70 billion values have a loss of 1.5 to 4 on
    plain text in any language they know, against 10 to 12 by chance. `times_chance` leaves room for
    heads on large hidden states, whose first guesses are confident. A loss that the user wrote,
    label smoothing and a factor from accumulated batches are taken into account.

    ## Example
    A Llama with the tokenizer of a Qwen: every id stands for another text, and the loss starts at
    ln(V).

    ## Fix
    Load the tokenizer from the model's own folder.

    ## When it is wrong
    For rows in a language or an alphabet that the model never saw, and for answers of a single
    token that cannot be guessed.

    ## Sources
    LLaVA issue 375; Karpathy, "A Recipe for Training Neural Networks", on the loss at the start.
    Fault D42 of the catalogue.
    """
    loss = state.first_loss
    if state.stand_in:
        reason = "needs the model's real weights; the step was one of a small model of its kind"
        raise NotRunError(reason)
    if loss is None or setup.own_loss or (recipe is not None and recipe.label_smoothing):
        reason = "there is no first loss, or it is one of the user's own"
        raise NotApplicableError(reason)
    if equivalences is not None and equivalences.whole.scale > 1:
        loss /= equivalences.whole.scale
    new = setup.new_tensors
    if setup.task == "sequence" and new and (state.classes or 0) > 1:
        chance = math.log(state.classes or 2)
        if loss > times_chance * chance:
            yield _finding(
                f"a new head of {state.classes:,} classes guesses, which costs {chance:.2f} (the "
                f"logarithm of their number), and the first loss is {loss:.2f}",
                loss,
                f"at most {times_chance:g} times {chance:.2f}",
                "compute the mean over the rows of the batch, and look at what the labels are",
            )
    elif setup.task == "causal" and new == () and (setup.embedding_rows or 0) > 1:
        chance = math.log(setup.embedding_rows or 2)
        if loss > share_of_chance * chance:
            yield _finding(
                f"the pretrained model guesses: its first loss is {loss:.2f}, and chance over "
                f"{setup.embedding_rows:,} tokens is {chance:.2f}. Its tokenizer may be that of "
                "another model",
                loss,
                f"at most {share_of_chance:g} of {chance:.2f}",
                "load tokenizer and model from the same folder, and look at the labels' decoded "
                "tokens",
            )
    else:
        reason = "the loss before training is only known for a new head and a loaded language model"
        raise NotApplicableError(reason)


def _finding(message: str, loss: float, bound: str, fix: str) -> Finding:
    return Finding(
        message=message,
        evidence=(Number(name="first loss", value=loss, bound=bound),),
        impact="the model starts from something else than it should",
        fixes=(Fix(title=fix, safety=Safety.MANUAL),),
    )
