"""DAT044: control tokens of chat templates inside the texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    DropRows,
    Edit,
    Finding,
    Fix,
    Safety,
    SetText,
    Severity,
)
from tunewell.core.words import counted
from tunewell.facts.parts import parts, require_kind
from tunewell.facts.scan import Screen, fitting, rows_of
from tunewell.facts.turns.conversations import has_messages
from tunewell.facts.turns.irregular import Noted, percent
from tunewell.facts.writing.flagged import Flagged, flag
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import GENERATIVE, Kind
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

BAR = "\uff5c"
"""The wide bar in the tokens of DeepSeek."""

TURNS = (
    r"<\|im_start\|>|<\|start_header_id\|>|<\|end_header_id\|>|<start_of_turn>|\[/?INST\]|<</?SYS>>|"
    r"<\|(system|user|assistant|human|bot|start|channel|message|start_of_role|end_of_role)\|>|"
    f"<{BAR}(User|Assistant){BAR}>|"
    r"<\|(System|User|Assistant|Bot|Human)\|>"
)
"""What opens a turn or names its speaker: ChatML, Llama 2 to 4, Gemma, Mistral, Phi, Zephyr, GLM,
Granite, DeepSeek and gpt-oss."""

ENDS = (
    r"<\|(im_end|eot_id|eom_id|eot|end|endoftext|end_of_text|begin_of_text|startoftext|pad|bos|eos|"
    r"finetune_right_pad_id|return|call|endofprompt|endofturn)\|>|<end_of_turn>|"
    f"<{BAR}(begin▁of▁sentence|end▁of▁sentence|▁pad▁){BAR}>|"
    r"<(bos|eos|pad|unk)>"
)
SENTENCE = r"^\s*<s>|</s>\s*$"
"""In HTML these strike a text through, so only the very beginning and end of a text are looked at.
"""

HTML = re.compile(
    r"</?(p|b|i|u|a|br|li|ul|div|span|del|h\d|td|tr|em|strong)\b[^>]*>|<s>.*\S.*</s>",
    re.IGNORECASE | re.DOTALL,
)
TALK = re.compile(
    r"(?i)chat[ _]?templates?|special[ _]tokens?|control tokens?|tokeni[sz]|chatml|prompt (format|"
    r"inject|template)|jailbreak|\bllms?\b|language model|\btransformers\b|\bgpt-?\d|\bllama|"
    r"mistral|delimiter|end[- ]of[- ](text|sequence|turn)|\bEOS\b|\bBOS\b|\bvocab"
)
MEANT = re.compile(
    r"(?i)image|img|vision|audio|video|fim|think|tool|mask|quad|box|ref|object|reserved"
)
"""Control tokens of a model that belong into a text: images, code to fill in, calls, thinking."""


@check(
    "DAT044",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D18",),
)
def special_tokens_in_content(
    dataset: Dataset,
    checkpoint: Checkpoint | None,
    *,
    max_rows: int = 0,
    format_share: float = 0.5,
) -> Iterator[Finding]:
    """Control tokens of chat templates, such as "<|im_start|>" or "</s>", inside the texts.

    ## What it finds
    Prompts, messages and answers that hold control tokens of well-known templates or, with
    `--model`, of the model's own tokenizer.

    ## Why it matters
    The tokenizer does not know who wrote `<|im_end|>`: inside a message it ends the turn. The model
    is trained on turns that nobody took, or on two ends in a row, and stops too early or not at
    all. A token of another model's template is learned as a word, and shows up in answers.

    ## How it is measured
    By the exact tokens of ChatML, Llama, Gemma, Mistral, Phi, DeepSeek and others. `<s>` and `</s>`
    count only at the very beginning and end of a text without HTML, where they strike nothing
    through. A row that speaks of tokens, templates or language models is about them and is passed
    over, unless the token is one of the model's own: to the tokenizer it makes no difference.
    Tokens of images, tool calls, thinking and code to fill in belong into texts. More than
    `max_rows` rows, 0 by default, are a warning. Where more than `format_share` (half) of the rows
    of a file without messages have them, the texts are already in a template, which is information.
    Plain text is not looked at: there a template that was applied is how it should be.
    None of 52,002 Alpaca rows, 8,792 GSM8K rows and 2,312 HH pairs has one.

    ## Example
    `{"role": "assistant", "content": "It is noon.<|im_end|>"}`: the template adds the end again.

    ## Fix
    Take ends and paddings out of the texts; drop rows in which a token opens a turn.

    ## When it is wrong
    When texts about templates are to be learned. Then encode them with `split_special_tokens=True`,
    or `sanitize_control_tokens=True` in transformers 5.23.

    ## Sources
    Fault D18 of the catalogue.
    """
    require_kind(dataset, GENERATIVE - {Kind.TEXT})
    own = frozenset(
        t for t in (checkpoint.added_tokens if checkpoint else ()) if not MEANT.search(t)
    )
    found = flag(dataset, lambda split: _holding(split, own))
    if found.count <= max_rows:
        return
    formatted = found.share > format_share and not any(map(has_messages, dataset.splits))
    yield _in_a_template(found) if formatted else _finding(found, own)


def _screen(own: frozenset[str]) -> Screen:
    """What every token has in it: a fifth of the time of looking for each."""
    begins = rf"<\||<{BAR}|\[/?INST\]|SYS>>|_of_turn>|</?s>|<(bos|eos|pad|unk)>"
    others = sorted(re.escape(token) for token in own if not re.search(begins, token))
    return Screen("|".join((begins, *others)))


def _pattern(own: frozenset[str]) -> str:
    return "|".join((TURNS, ENDS, SENTENCE, *sorted(map(re.escape, own - {"<s>", "</s>"}))))


def _holding(split: Split, own: frozenset[str]) -> Ints:
    """The parts with a control token that is not what the row is about."""
    known = parts(split)
    kept: list[int] = []
    for part in fitting(split, _screen(own)).tolist():
        if known.role[part] == int(Role.TOOL_CALL):
            continue
        tokens = tokens_of(known.texts[part], own)
        if not tokens:
            continue
        row = int(rows_of(split, np.array([part]))[0])
        if any(token in own for token in tokens) or not TALK.search(split.texts[row]):
            kept.append(part)
    return np.array(kept, dtype=np.int64)


def tokens_of(text: str, own: frozenset[str]) -> list[str]:
    """The control tokens of a text, those of HTML left out."""
    found = [match[0].strip() for match in re.finditer(_pattern(own), text)]
    if any(token in {"<s>", "</s>"} for token in found) and HTML.search(text):
        found = [token for token in found if token not in {"<s>", "</s>"}]
    return found


def _told(found: Flagged, own: frozenset[str]) -> Noted:
    """The tokens of each flagged row."""
    details: list[dict[int, list[str]]] = []
    for split, at in zip(found.splits, found.parts, strict=True):
        known = parts(split)
        rows: dict[int, list[str]] = {}
        for part in at.tolist():
            row = int(rows_of(split, np.array([part]))[0])
            rows.setdefault(row, []).extend(tokens_of(known.texts[part], own))
        details.append(rows)
    return Noted(found.splits, details)


def _finding(found: Flagged, own: frozenset[str]) -> Finding:
    told = _told(found, own)
    listed = ", ".join(token for token, _ in told.kinds.most_common(3))
    certain = sum(any(t in own for t in said) for rows in told.details for said in rows.values())
    whose = f"; in {counted(certain, 'row')} of the model's own tokenizer" if certain else ""
    edits = tuple(_edits(found, own))
    fixes = [Fix(title="take the tokens out of the texts", safety=Safety.UNSAFE, edits=edits)]
    return Finding(
        message=f"{told.of_rows} hold control tokens of a chat template in their texts: {listed}"
        f"{whose}",
        where=found.where,
        evidence=(
            found.number("rows with control tokens", "0 rows"),
            told.table("tokens"),
            found.examples("texts with control tokens", lambda text: _place(text, own)),
        ),
        impact="turns end or begin where nobody meant them to",
        fixes=tuple(fixes),
        confidence=Confidence.HIGH if certain else Confidence.MEDIUM,
    )


def _place(text: str, own: frozenset[str]) -> int:
    match = re.search(_pattern(own), text)
    return match.start() if match else 0


def _edits(found: Flagged, own: frozenset[str]) -> Iterator[Edit]:
    """New texts without ends, and the rows to drop because a token opens a turn in them."""
    for split, at in zip(found.splits, found.parts, strict=True):
        known = parts(split)
        opening = {
            int(rows_of(split, np.array([part]))[0])
            for part in at.tolist()
            if re.search(TURNS, known.texts[part]) or not _cleaned(known.texts[part], own).strip()
        }
        for part in at.tolist():
            row = int(rows_of(split, np.array([part]))[0])
            if row not in opening:
                old = known.texts[part]
                first = int(known.start[row])
                new = _cleaned(old, own)
                yield SetText(split=split.name, row=row, old=old, new=new, part=part - first)
        if opening:
            yield DropRows(split=split.name, rows=tuple(sorted(opening)))


def _cleaned(text: str, own: frozenset[str]) -> str:
    return re.sub(_pattern(own), "", text).strip()


def _in_a_template(found: Flagged) -> Finding:
    return Finding(
        message=f"{percent(found.share)} of the rows hold control tokens: their texts are already "
        "in a chat template",
        where=found.where,
        evidence=(found.number("rows with control tokens", "more than half"),),
        impact="a trainer that applies its own template, or adds its own end, doubles them",
        fixes=(
            Fix(
                title="train without a chat template, or keep the bare texts", safety=Safety.MANUAL
            ),
        ),
        severity=Severity.INFO,
    )
