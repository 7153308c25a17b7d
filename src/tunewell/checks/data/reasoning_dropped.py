"""DAT096: reasoning that the chat template leaves out of trained conversations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.turns.irregular import Noted
from tunewell.facts.turns.rendered import Rendered, rendered, require_template
from tunewell.subjects.batch import Batch, Collated
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset

THOUGHT = re.compile(r"<(think|thinking|reasoning)>(.*?)</\1>", re.DOTALL)
KEYS = ("reasoning_content", "reasoning", "thinking")
COMPARED = 80
"""Characters of a thought that are looked for, without white space."""
SHOWN = 160


@check(
    "DAT096",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D15",),
)
def reasoning_dropped(
    dataset: Dataset, checkpoint: Checkpoint, batch: Batch | None, *, max_share: float = 0.01
) -> Iterator[Finding]:
    """Reasoning in the answers that the model's chat template does not write.

    ## What it finds
    Answers with a text between `<think>` and `</think>` that is missing from the conversation as
    the chat template renders it: in earlier turns, or in all.

    ## Why it matters
    Templates of reasoning models leave thoughts out of past turns, as is right when the model is
    served. In training it takes them out of all but the last answer, and the model learns to answer
    without thinking in the turns between, above all in those that call tools.

    ## How it is measured
    The first 80 characters of each thought, without white space, are looked for in the rendered
    text. More than `max_share` of the conversations with a thought (1 %) are reported; up to 2,000
    rows, evenly spaced, are rendered. Of a live trainer, thoughts under a key of their own
    (`reasoning_content`) are looked for in the decoded rows.

    ## Example
    Conversations of several turns with thoughts in each, in the template of Qwen3.

    ## Fix
    Train with a template that keeps thoughts, or make a row of its own of each turn.

    ## When it is wrong
    When only the last turn is trained.

    ## Sources
    Fault D15 of the catalogue.
    """
    require_template(dataset, checkpoint)
    details, thinking = _rendered(dataset, checkpoint)
    splits = dataset.splits
    if not thinking and batch is not None:
        live, thinking = _in_batch(batch.train)
        details, splits = [live], (dataset.train,)
    if not thinking:
        reason = "no answer holds reasoning"
        raise NotApplicableError(reason)
    found = Noted(splits, details)
    if found.count <= max_share * thinking:
        return
    lost = next(said for rows in details for said in rows.values())
    yield Finding(
        message=(
            f"the chat template leaves reasoning out of {found.count:,} of {thinking:,} "
            "conversations looked at that have it"
        ),
        where=found.where,
        evidence=(Text(name="left out", text=lost[0].strip()[:SHOWN]),),
        impact="the model learns to answer these turns without thinking",
        fixes=(
            Fix(
                title="train with a template that keeps reasoning, or make a row of each turn",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _rendered(dataset: Dataset, checkpoint: Checkpoint) -> tuple[list[dict[int, list[str]]], int]:
    """Thoughts that are lost, by split and row, and the conversations that have any."""
    details, thinking = [], 0
    for split in dataset.splits:
        rows: dict[int, list[str]] = {}
        for made in rendered(split, checkpoint):
            thoughts = list(_thoughts(made))
            thinking += bool(thoughts)
            if lost := _lost(thoughts, made.text):
                rows[made.row] = lost
        details.append(rows)
    return details, thinking


def _in_batch(sample: Collated) -> tuple[dict[int, list[str]], int]:
    """The same for messages that keep their thoughts under a key of their own."""
    found: dict[int, list[str]] = {}
    thinking = 0
    for row in sample.rows:
        messages = row.source.get("messages")
        if not isinstance(messages, list) or row.index is None:
            continue
        turns = [message for message in messages if isinstance(message, Mapping)]
        thoughts = [str(turn[key]) for turn in turns for key in KEYS if turn.get(key)]
        thinking += bool(thoughts)
        if lost := _lost(thoughts, "".join(row.pieces)):
            found[row.index] = lost
    return found, thinking


def _lost(thoughts: Sequence[str], text: str) -> list[str]:
    packed = _packed(text)
    return [thought for thought in thoughts if _packed(thought)[:COMPARED] not in packed]


def _thoughts(made: Rendered) -> Iterator[str]:
    for message in made.conversation.messages:
        if message["role"] == "assistant":
            yield from _in(message)


def _in(message: Mapping[str, Any]) -> Iterator[str]:
    for match in THOUGHT.finditer(str(message.get("content") or "")):
        if match[2].strip():
            yield match[2]


def _packed(text: str) -> str:
    return "".join(text.split())
