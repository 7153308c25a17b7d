"""DAT099: tools that the chat template does not show to the model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity
from tunewell.facts.turns.irregular import Noted
from tunewell.facts.turns.rendered import rendered, require_template
from tunewell.facts.turns.templates import RefusedError
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset


@check("DAT099", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D64",))
def tools_not_rendered(
    dataset: Dataset, checkpoint: Checkpoint, *, max_rows: int = 0
) -> Iterator[Finding]:
    """Rows offer tools, and the model's chat template leaves them out.

    ## What it finds
    Conversations with a list of tools that the model's chat template renders exactly as it does
    without the list.

    ## Why it matters
    The model learns to call functions that it was never shown. When it is served, it makes up names
    and arguments, whatever it is offered.

    ## How it is measured
    The conversation is rendered with its tools and without them. Rows whose system text or question
    names a tool are passed over, for that is as good. More than `max_rows` rows, 0 by default
    because it depends on the template alone, are reported; up to 2,000 rows, evenly spaced, are
    rendered.

    ## Example
    A column "tools" and a plain ChatML template.

    ## Fix
    Use a template with a branch for `tools`, the same in training and in use; most instruct models
    have one.

    ## When it is wrong
    When a model is to know its tools by heart.

    ## Sources
    Fault D64 of the catalogue.
    """
    template = require_template(dataset, checkpoint)
    details, offering = [], 0
    for split in dataset.splits:
        rows: dict[int, list[str]] = {}
        for made in rendered(split, checkpoint):
            names, messages = _names(made.conversation.tools), made.conversation.messages
            offering += bool(names)
            if not names or _spoken_of(names, messages):
                continue
            with contextlib.suppress(RefusedError):
                if template.render(made.messages, None) == made.text:
                    rows[made.row] = [names[0]]
        details.append(rows)
    if not offering:
        reason = "no row offers tools"
        raise NotApplicableError(reason)
    found = Noted(dataset.splits, details)
    if found.count <= max_rows:
        return
    yield Finding(
        message=(
            f"the chat template leaves out the tools of {found.count:,} of {offering:,} "
            "conversations rendered that offer some"
        ),
        where=found.where,
        evidence=(
            Number(
                name="conversations whose tools are not shown",
                value=found.count,
                unit="rows",
                bound=f"at most {max_rows:,}",
            ),
            found.table("tools that the model is not shown"),
        ),
        impact="the model learns to call functions that it was not shown, and makes some up",
        fixes=(
            Fix(
                title="use a chat template with a branch for tools, in training and in use",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _names(tools: list[Any] | None) -> list[str]:
    found = []
    for tool in tools or ():
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str) and name:
            found.append(name)
    return found


def _spoken_of(names: list[str], messages: list[dict[str, Any]]) -> bool:
    """Whether a system text or a question names the tools, which is as good."""
    texts = [str(m.get("content")) for m in messages if m["role"] in {"system", "user"}]
    return any(name in text for name in names for text in texts)
