"""DAT095: a chat template that writes a prompt otherwise than the conversation it begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunewell.core.check import check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.turns.irregular import Noted
from tunewell.facts.turns.rendered import Rendered, rendered, require_template
from tunewell.facts.turns.templates import RefusedError, Template, in_pieces
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset, Split

SHOWN = 60


@check(
    "DAT095",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D14",),
)
def prompt_not_a_prefix(
    dataset: Dataset, checkpoint: Checkpoint, *, max_share: float = 0.01
) -> Iterator[Finding]:
    """The prompt that the model is asked with is not how its trained conversations begin.

    ## What it finds
    Conversations whose prompt, rendered by the model's chat template up to where the assistant is
    to speak, is not the beginning of the whole conversation as it is rendered for training.

    ## Why it matters
    When the model is served, it goes on from a text that it was never trained to go on from. TRL
    masks the prompt by this beginning: where the two part, the loss starts in the wrong place.

    ## How it is measured
    The messages before the last answer are rendered with `add_generation_prompt=True`, and compared
    with the rendered whole. White space at the end of the prompt does not count. More than
    `max_share` of the rows (1 %) are reported; up to 2,000 rows, evenly spaced, are rendered.

    ## Example
    A template that opens the answer with `<think>` where it generates, and writes trained answers
    without it.

    ## Fix
    Use a template that writes the prompt the same way in both cases; TRL ships such ones for
    well-known models (`trl.chat_template_utils`).

    ## When it is wrong
    When the model is asked through another template than the one beside it.

    ## Sources
    Fault D14 of the catalogue. TRL 1.16 says so once, in a log line, and starts the answer where
    the texts part.
    """
    template = require_template(dataset, checkpoint)
    details = [_partings(split, checkpoint, template) for split in dataset.splits]
    found = Noted(dataset.splits, details)
    looked_at = sum(len(rendered(split, checkpoint)) for split in dataset.splits)
    if not looked_at or found.count <= max_share * looked_at:
        return
    ends = next(both for rows in details for both in rows.values())
    yield Finding(
        message=(
            f"in {found.count:,} of {looked_at:,} conversations rendered, the prompt with which "
            "the model is asked is not how the trained text begins"
        ),
        where=found.where,
        evidence=(
            Text(name="the prompt goes on", text=ends[0]),
            Text(name="the trained text goes on", text=ends[1]),
        ),
        impact="the model is asked with a text that it was not trained to go on from",
        fixes=(
            Fix(
                title="use a chat template that writes prompts the same way in training and use",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _partings(
    split: Split, checkpoint: Checkpoint, template: Template
) -> dict[int, tuple[str, str]]:
    """Rows whose prompt is no beginning, with how both texts go on from where they part."""
    found: dict[int, tuple[str, str]] = {}
    for made in rendered(split, checkpoint):
        if len(made.messages) == 1 or made.messages[-1]["role"] != "assistant":
            continue
        both = _both(template, made, made.messages)
        # A template of a vision model may take a text by itself in one place and not in another.
        in_lists = [in_pieces(message) for message in made.messages]
        if both is None or _fits(both) or _fits(_both(template, made, in_lists)):
            continue
        at = _parting_place(*both)
        found[made.row] = (both[0][at:][:SHOWN], both[1][at:][:SHOWN])
    return found


def _both(
    template: Template, made: Rendered, messages: Sequence[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """The prompt and the whole as the template writes them, None where it refuses one."""
    tools = made.conversation.tools
    try:
        return template.render(messages[:-1], tools, asks=True), template.render(messages, tools)
    except RefusedError:
        return None


def _fits(both: tuple[str, str] | None) -> bool:
    return both is not None and both[1].startswith(both[0].rstrip())


def _parting_place(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
