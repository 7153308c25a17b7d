"""DAT100: a chat template whose end of turn is no token of the tokenizer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.turns.rendered import require_template
from tunewell.facts.turns.templates import RefusedError
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset

QUESTION, ANSWER = "tunewell asks", "tunewell answers"
CONTROL = re.compile(r"\s*(<\|[^|<>\s]{1,40}\|>|<[a-z]+_of_[a-z]+>|<end_[a-z_]+>|<eos>)")


@check(
    "DAT100",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("D06",),
)
def end_of_turn_unknown(
    dataset: Dataset, checkpoint: Checkpoint, *, min_added: int = 1
) -> Iterator[Finding]:
    """The chat template ends a turn with a control token that the tokenizer does not have.

    ## What it finds
    A template, usually of another model, that writes something like `<|im_end|>` or `<|eot_id|>`
    behind an answer, while the tokenizer has no such token.

    ## Why it matters
    The end of a turn becomes half a dozen tokens of plain text. No generation can stop at it, for
    stopping looks for one token; and the checkpoint was tuned to another template, or to none.

    ## How it is measured
    A question and an answer are rendered, and what follows the answer is compared with the tokens
    that were added to the tokenizer. It needs a tokenizer that lists at least `min_added` of them
    (1). Marks that open a turn are not looked at: some models, as Zephyr, write them as plain text
    and end the turn with a real token.

    ## Example
    A ChatML template for a Llama 2 checkpoint.

    ## Fix
    Use the checkpoint's own template. For a base model, take a template whose end of turn is a
    token that it has, or add the token, resize the embedding and train it.

    ## When it is wrong
    When the server stops at the text and not at a token.

    ## Sources
    Fault D06 of the catalogue.
    """
    template = require_template(dataset, checkpoint)
    if len(checkpoint.added_tokens) < min_added:
        reason = "the tokenizer's added tokens are not known"
        raise NotApplicableError(reason)
    messages = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": ANSWER},
    ]
    try:
        _, _, after = template.render(messages, None).rpartition(ANSWER)
    except RefusedError:
        return
    end = CONTROL.match(after)
    known = {*checkpoint.added_tokens, *checkpoint.special_tokens.values()}
    if end is None or end[1] in known:
        return
    yield Finding(
        message=(
            f"the chat template ends a turn with {end[1]}, which is no token of this tokenizer but "
            "plain text to it"
        ),
        evidence=(Text(name="what follows an answer", text=after),),
        impact="generation cannot stop at the end of a turn",
        fixes=(
            Fix(
                title="use the checkpoint's own chat template, or one whose end of turn is a token "
                "that it has",
                safety=Safety.MANUAL,
            ),
        ),
    )
