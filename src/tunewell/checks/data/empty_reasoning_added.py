"""DAT097: empty reasoning that only the chat template writes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Safety, Severity, Text
from tunewell.facts.turns.irregular import Noted
from tunewell.facts.turns.rendered import Rendered, rendered, require_template
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset

EMPTY = re.compile(r"<(think|thinking|reasoning)>\s*</\1>")
OPENS = re.compile(r"<(think|thinking|reasoning)>")
SHOWN = 40


@check("DAT097", category=Category.SUSPICIOUS, severity=Severity.INFO, covers=("D17",))
def empty_reasoning_added(
    dataset: Dataset, checkpoint: Checkpoint, *, max_share: float = 0.01
) -> Iterator[Finding]:
    """The chat template puts an empty thought before answers that have none.

    ## What it finds
    Conversations without any reasoning that the model's chat template renders with an empty
    `<think></think>`.

    ## Why it matters
    The model learns to begin its answers with an empty thought. Served with the same template that
    is as it should be; served with another one, the empty thought shows up in its answers.

    ## How it is measured
    The rendered texts are searched for an empty thought, and the rows for any sign of one. More
    than `max_share` of the rows rendered (1 %) are reported; up to 2,000 rows, evenly spaced, are
    rendered. It is information: the makers of Qwen3 write it so on purpose.

    ## Example
    Plain questions and answers in the template of Qwen3.

    ## Fix
    Serve the model with the same template and thinking switched off, or train with a template that
    writes no thought.

    ## When it is wrong
    When the model is to keep both ways of answering.

    ## Sources
    Fault D17 of the catalogue.
    """
    require_template(dataset, checkpoint)
    details = []
    looked_at = 0
    for split in dataset.splits:
        made = rendered(split, checkpoint)
        looked_at += len(made)
        details.append(
            {
                one.row: [match[0]]
                for one in made
                if (match := EMPTY.search(one.text)) and _says_none(one)
            }
        )
    found = Noted(dataset.splits, details)
    if not looked_at or found.count <= max_share * looked_at:
        return
    row, said = next((row, said) for rows in details for row, said in rows.items())
    yield Finding(
        message=(
            f"the chat template puts an empty {said[0].split('>')[0]}> before an answer of "
            f"{found.count:,} of {looked_at:,} conversations rendered, which hold no reasoning"
        ),
        where=found.where,
        evidence=(Text(name=f"added to row {row}", text=said[0][:SHOWN]),),
        impact="served with another template, the model begins its answers with it",
        fixes=(
            Fix(
                title="serve with the same template and thinking off, or train without a thought",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _says_none(made: Rendered) -> bool:
    """Whether no message of the row holds a thought, an empty one included."""
    return not any(
        OPENS.search(str(message.get("content"))) for message in made.conversation.messages
    )
