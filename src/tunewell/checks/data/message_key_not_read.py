"""DAT043: keys of messages that the chat template never reads."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.errors import InputError
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity
from tunewell.facts.turns.irregular import Noted, noted
from tunewell.facts.turns.templates import RefusedError, Template, template_of
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.reading import Irregular

REASONING = frozenset(
    {
        "reasoning_content", "reasoning", "thinking", "thought", "thoughts", "think", "rationale",
        "chain_of_thought", "cot", "reasoning_text", "thinking_content", "analysis",
    }
)  # fmt: skip
"""Keys under which data sets keep what a model thinks before it answers."""

ALIASES = frozenset({"thinking", "reasoning"})
"""Keys that transformers 5.23 copies to `reasoning_content` before it renders."""

USUAL = "reasoning_content"
PROBE = "qzx-probe"


@check(
    "DAT043",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("D16",),
)
def message_key_not_read(
    dataset: Dataset, checkpoint: Checkpoint | None, *, max_rows: int = 0
) -> Iterator[Finding]:
    """Reasoning in messages under a key that the chat template does not read.

    ## What it finds
    Messages with their reasoning under `thinking`, `reasoning`, `thought`, `rationale` and the
    like, or under `reasoning_content`, where the chat template passes that key over.

    ## Why it matters
    Nothing stops and nothing is said: the text is gone. A model that was to learn to think learns
    to answer without.

    ## How it is measured
    With a model that has a chat template: a short conversation is rendered with and without the
    key on the assistant's turns. Where the text stays as it is, the key is not read. Two keys are
    also tried as `reasoning_content`, to which transformers 5.23 copies them.
    Without a model every key but `reasoning_content` is reported as a thing to check, with medium
    confidence, `thinking` and `reasoning` too because older versions of transformers copy nothing.
    Keys such as `id` or `timestamp` are never reported: they say something about the message. More
    than `max_rows` rows, 0 by default, are reported.

    ## Example
    `{"role": "assistant", "thinking": "7 times 6 is 42.", "content": "42"}` with a template that
    reads `message.reasoning_content`.

    ## Fix
    Rename the key to the one that the template reads, most often `reasoning_content`.

    ## When it is wrong
    When the reasoning is kept for readers and not meant to be learned.

    ## Sources
    Fault D16 of the catalogue; transformers 5.23, `_alias_reasoning_fields`.
    """
    if not any(split.role_words for split in dataset.splits):
        reason = "the data holds no messages with roles"
        raise NotApplicableError(reason)
    found = noted(dataset, Irregular.KEY, REASONING.__contains__)
    if not found.count:
        return
    try:
        template = template_of(checkpoint)
    except InputError as error:
        raise NotApplicableError(str(error)) from None
    unread = frozenset(key for key in found.kinds if not _is_read(key, template))
    found = noted(dataset, Irregular.KEY, unread.__contains__)
    if found.count > max_rows:
        yield _finding(found, template)


def _finding(found: Noted, template: Template | None) -> Finding:
    keys = sorted(found.kinds, key=lambda key: -found.kinds[key])
    listed = ", ".join(map(repr, keys))
    wanted = _read_by(template)
    who = "the model's chat template does not read" if template else "few templates read"
    rename = (
        f"rename {listed} to '{wanted}', which the template reads"
        if wanted
        else f"train with a template that reads {listed}, or write it into the content"
    )
    return Finding(
        message=f"{found.of_rows} have messages with {listed}, which {who}",
        where=found.where,
        evidence=(
            found.number("rows with such a key", "0 rows"),
            found.table("keys that are not read"),
        ),
        impact="what stands there never reaches the model, and nothing says so",
        fixes=(Fix(title=rename, safety=Safety.MANUAL),),
        confidence=Confidence.HIGH if template else Confidence.MEDIUM,
    )


def _read_by(template: Template | None) -> str | None:
    """The key of reasoning that the template reads; the usual one where there is no template."""
    if template is None:
        return USUAL
    candidates = (USUAL, *sorted(REASONING - {USUAL}))
    return next((key for key in candidates if _changes(key, template)), None)


def _is_read(key: str, template: Template | None) -> bool:
    if template is None:
        return key == USUAL
    return _changes(key, template) or (key in ALIASES and _changes(USUAL, template))


def _changes(key: str, template: Template) -> bool:
    """Whether a rendered conversation changes with this key on the assistant's turns."""
    asks = {"role": "user", "content": "a"}
    says = {"role": "assistant", "content": "b"}
    try:
        without = template.render([asks, says, asks, says], None)
        thinking = says | {key: PROBE}
        return template.render([asks, thinking, asks, thinking], None) != without
    except RefusedError:
        # It cannot be told: turn-order says that the template refuses rows.
        return True
