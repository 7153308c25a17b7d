"""DAT040: conversations whose turns stand in an order that chat templates refuse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tunewell.core.check import NotApplicableError, check
from tunewell.core.errors import InputError
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    JoinTurns,
    Safety,
    Severity,
    Text,
)
from tunewell.core.words import counted
from tunewell.facts.turns.conversations import conversation, has_messages, shapes
from tunewell.facts.turns.irregular import Noted
from tunewell.facts.turns.joining import joins, out_of_order
from tunewell.facts.turns.templates import RefusedError, Template, template_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset, Split


@check(
    "DAT040",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D19",),
)
def turn_order(
    dataset: Dataset, checkpoint: Checkpoint | None, *, max_rendered: int = 5000
) -> Iterator[Finding]:
    """Conversations whose turns stand in an order that the chat template refuses.

    ## What it finds
    With a model that has a chat template: the rows that it refuses, with its own words, such as
    "Conversation roles must alternate" or "System role not supported".
    Without: two turns of the same speaker in a row, a system turn that is not the first or comes
    twice, a conversation that starts with the assistant, and a tool's result without a call before
    it.

    ## Why it matters
    A template that refuses a row stops training, often hours into preparing the data; some trainers
    leave such rows out with one line in the log. A template that takes any order writes a prompt
    that no user will ever send.

    ## How it is measured
    With a template the rows themselves are rendered, in the sandbox and with the helpers that
    transformers gives it: at least one row of every order of roles, then up to `max_rendered` rows
    spread over the file (5,000 take about a second), and all rows of an order of which any is
    refused. Roles are given as `system`, `user`, `assistant` and `tool`, as trainers map them.
    Without one, by the order alone; that is never more than a warning, because ChatML and Llama 3
    take what Mistral, Gemma and Llama 2 refuse.

    ## Example
    `[{"role": "user", "content": "Hi"}, {"role": "user", "content": "Are you there?"}]`

    ## Fix
    Turns of the same speaker that follow each other are joined, and a system text with the user's
    turn after it where the template has no system role, in every row that is taken after that.
    Turns with calls or further keys, both sides of a pair, and other orders need a person.

    ## When it is wrong
    When your trainer has a template of its own, or none.

    ## Sources
    Fault D19 of the catalogue; transformers, `chat_template_utils`.
    """
    talks = [split for split in dataset.splits if has_messages(split)]
    if not talks:
        reason = "the data holds no messages with roles"
        raise NotApplicableError(reason)
    try:
        template = template_of(checkpoint)
    except InputError as error:
        yield _broken_template(checkpoint, error)
        return
    if template is None:
        found = Noted(talks, [_by_order(split) for split in talks])
    else:
        found = Noted(talks, [_refused(split, template, max_rendered) for split in talks])
    if found.count:
        yield _finding(found, template)


def _finding(found: Noted, template: Template | None) -> Finding:
    reason, rows = found.kinds.most_common(1)[0]
    more = "" if len(found.kinds) == 1 else f" ({rows:,} of them)"
    said = f'its words: "{reason}"{more}' if template is not None else f"{reason}{more}"
    who = "are refused by the model's chat template" if template else "have turns out of order"
    return Finding(
        message=f"{found.of_rows} {who}; {said}",
        where=found.where,
        evidence=(
            found.number("rows whose turns are out of order", "0 %"),
            found.table("why rows are refused" if template else "what is out of order"),
        ),
        impact=(
            "training stops at the first of these rows, or the trainer leaves them out"
            if template
            else "strict templates (Mistral, Gemma, Llama 2) refuse these rows"
        ),
        fixes=_fixes(found, template),
        severity=Severity.ERROR if template else Severity.WARNING,
        confidence=Confidence.HIGH if template else Confidence.MEDIUM,
    )


def _fixes(found: Noted, template: Template | None) -> tuple[Fix, ...]:
    """Joined turns for the rows that this cures, and a word about the others."""
    edits: list[JoinTurns] = []
    for split, rows in zip(found.splits, found.details, strict=True):
        edits += [edit for row in rows for edit in joins(split, row, template)]
    left = found.count - len({(edit.split, edit.row) for edit in edits})
    fixes: list[Fix] = []
    if edits:
        title = f"join turns that belong together in {counted(found.count - left, 'row')}"
        fixes.append(Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)))
    if left:
        title = f"put the turns of {counted(left, 'row')} in order by hand, or drop them"
        fixes.append(Fix(title=title, safety=Safety.MANUAL))
    return tuple(fixes)


def _broken_template(checkpoint: Checkpoint | None, error: InputError) -> Finding:
    return Finding(
        message="the model's chat template cannot be compiled, so no conversation can be rendered",
        evidence=(Text(name="the error", text=str(error)),),
        impact=f"every use of the template stops{'' if checkpoint is None else ' with this error'}",
        fixes=(Fix(title="mend the template, or copy the model again", safety=Safety.MANUAL),),
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
    )


def _refused(split: Split, template: Template, most: int) -> dict[int, list[str]]:
    """Rows that the template raises on, with its words."""
    step = max(1, len(split) // most)
    found: dict[int, list[str]] = {}
    for rows in shapes(split).values():
        chosen = [rows[0], *(row for row in rows[1:] if row % step == 0)]
        refused = _render(split, chosen, template)
        if refused and step > 1:
            refused = _render(split, rows, template)
        found |= refused
    return dict(sorted(found.items()))


def _render(split: Split, rows: Sequence[int], template: Template) -> dict[int, list[str]]:
    refused: dict[int, list[str]] = {}
    for row in rows:
        talk = conversation(split, row)
        try:
            template.render(talk.messages, talk.tools)
        except RefusedError as error:
            refused[row] = [str(error)]
    return refused


def _by_order(split: Split) -> dict[int, list[str]]:
    """Rows whose order of roles a strict template refuses, and why."""
    found: dict[int, list[str]] = {}
    for shape, rows in shapes(split).items():
        said = out_of_order(shape)
        if said:
            found |= dict.fromkeys(rows, said)
    return dict(sorted(found.items()))
