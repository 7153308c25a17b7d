"""DAT018: placeholders where a text should be."""

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
    Evidence,
    Finding,
    Fix,
    Safety,
    SetText,
    Severity,
)
from tunewell.core.words import counted
from tunewell.facts.parts import of_roles, parts, require_kind
from tunewell.facts.scan import Screen, fitting
from tunewell.facts.writing.flagged import Flagged, flag, joined, unless_asked
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

NO_INPUT = (
    r"no[\s_-]?(additional |further |specific |extra )?in?puts?e?"
    r"( is| was)?( required| needed| necessary| provided| given| available| specified)?"
)
ELSEWHERE = (
    "无|無|无输入|無輸入|没有输入|无需输入|不需要输入|入力なし|なし|입력 없음|없음|нет ввода|нет|"
    "sin entrada|ninguna|ninguno|pas d.entrée|aucune entrée|aucune|aucun|keine eingabe|keine|"
    "nessun input|nessuno|sem entrada|nenhuma entrada|nenhum|geen invoer|geen|brak|yok"
)
"""How data sets translated from Alpaca say that there is no input."""
FILLER = r"n\W?/?\W?a|null|nil|nan|not applicable|undefined|tbd|todo|fixme|placeholder"
WHOLE_INPUT = rf"(?i)^[\W_]*({NO_INPUT}[\W_\d]*|{ELSEWHERE}|none|{FILLER}|empty|blank)[\W_]*$"
WHOLE_TEXT = (
    r"(?i)^\W*(n/a|null|nan|#n/a|undefined|tbd|todo|fixme|no[\s_-]?in?put|<none>|<empty>|"
    r"\[deleted\]|\[removed\]|\[empty\]|lorem ipsum dolor[^\n]*)\W*$"
)
MARKER = rf"(?i)<\W*no[\s_-]?(in|out)put|(?:^|\n)\W*{NO_INPUT}\W*(?:\n|$)"
WHOLE_ANSWER = (
    r"(?i)^\W*(n\s?/\s?a|not applicable|tbd|todo|fixme|placeholder|lorem ipsum dolor.*|"
    r"(your |type your |write your |enter your |insert )(answer|response|text|code|solution|output)"
    r"( goes)?( here)?)\W*$"
)
NO_ANSWER = r"(?i)^\W*(no[\s_-]?output\b|n/a \(|nooutput)"
SLOT = (
    r"(?i)(^|[^\\$%\w{])\{\{? ?(instructions?|input|question|query|context|prompt|user_?input|"
    r"user_?(query|message|prompt)|document|passage|text|response|answer|output|article|content|"
    r"system_?(prompt|message)|chat_?history|completion) ?\}\}?"
)
DOUBLE_SLOT = r"(^|[^\\$%\w{])\{\{ ?[A-Za-z][\w -]{1,40} ?\}\}"
HAS_TO_INSERT = r"[Ii]nsert |INSERT |[Ee]nter |ENTER |[Pp]aste |PASTE |[Ff]ill in |FILL IN "
TO_INSERT = re.compile(
    r"(?i)[\[<(]\s*(please )?(insert|enter|paste|fill in)\b[^\]>)\n]{1,60}[\]>)]|"
    r"^\W*(please )?(insert|enter|paste) (the |your )?\w+ here\W*$"
)
MEDIA = re.compile(
    r"(?i)\b(image|photo\w*|picture|painting|audio|video|drawing|logo|cartoon|figure|chart|graph|"
    r"map|screenshot|illustration|clip|song|sound|link|url|file|article|document|table|comic)"
)
CODE = re.compile(
    r"""(?i)```|\bf["']|\.format|\bdef |\bprint|=>|;\s*$|template|placeholder|jinja|mustache|"""
    r"""handlebars|\bimport |\bstring|variable|brace|regex|latex|json|</|\{%|\$|\\begin|\bset\b""",
    re.MULTILINE,
)
TALK = re.compile(
    r"(?i)\bn/a\b|not applicable|\bnull\b|\btbd\b|\btodo\b|fixme|placeholder|template|lorem|"
    r"dummy|filler|no\s?(in|out)put|what (is|will be|would be) the output|\bif (there|it|none|no)\b"
)
SPOKEN_OF = re.compile(r"(?i)input field|placeholder|[\"“]<no|\d\. ?instruction:")
"""Speaks of the mark, or belongs to a record that `merged-rows` reports."""
CONDITIONS = frozenset({Role.PROMPT, Role.SYSTEM})


@check(
    "DAT018",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def placeholder_text(
    dataset: Dataset, *, max_rows: int = 0, class_share: float = 0.02
) -> Iterator[Finding]:
    """Placeholders such as "noinput", "N/A" or "{question}" where a text should be.

    ## What it finds
    - an input that only says that there is none: `<noinput>`, `No input required.`, `N/A`, `none`;
    - the marks `<noinput>` and `<nooutput>` inside any text;
    - an answer that only says that there is none: `N/A`, `No output`, `TODO`, `Your answer here`;
    - what a template left behind: `{question}`, `{{Order Number}}`, `[insert poem]`;
    - a classified text that is `null`, `NaN`, `#N/A`, `[deleted]` or filler Latin.

    ## Why it matters
    The model learns to write the placeholder, or to answer a question that it cannot see: an
    answer beside `[insert poem]` is made up, and so will be the model's. An input that says
    `noinput` gives the same task two prompts, of which users will only send the other.

    ## How it is measured
    By patterns over every text. Where the row itself speaks of N/A, templates, placeholders or
    output, an answer such as `N/A` is what was asked for and is not counted; nor are braces in code
    and formulas, `[Your Name]` in a letter, and a bare `N/A` that more than `class_share` (2 %) of
    the answers consist of, because then it is one of the answers to be learned. More than
    `max_rows` rows, 0 by default, are reported.

    ## Example
    `{"instruction": "Name six polygons.", "input": "<noinput>", "output": "Triangle, ..."}`

    ## Fix
    Inputs that only say that there is none become empty; the other rows are dropped.

    ## When it is wrong
    When slots such as `{{Order Number}}` are filled in by the program that uses the model's answer.

    ## Sources
    The cleaning of Stanford's Alpaca by its users (the AlpacaDataCleaned project), whose first step
    was to empty 654 inputs that say "noinput".
    """
    require_kind(dataset, [kind for kind in Kind if kind is not Kind.TAGGING])
    inputs = flag(dataset, _inputs)
    others = flag(dataset, lambda split: _others(split, class_share)).without(inputs)
    everything = joined(inputs, others)
    if everything.count <= max_rows:
        return
    evidence: list[Evidence] = [
        everything.number("rows with a placeholder", f"at most {counted(max_rows, 'row')}"),
        *(
            table.examples(name)
            for name, table in (("inputs that say there is none", inputs), ("others", others))
            if table.count
        ),
    ]
    verb = "holds" if everything.count == 1 else "hold"
    yield Finding(
        message=f"{everything.of_all} {verb} a placeholder instead of a text",
        where=everything.where,
        evidence=tuple(evidence),
        impact="the model learns to write placeholders and to answer what it cannot see",
        fixes=(_repair(inputs, others),),
    )


def _inputs(split: Split) -> Ints:
    """Inputs that only say that there is none."""
    return fitting(split, Screen(WHOLE_INPUT, _has_letters, frozenset({Role.INPUT})))


def _has_letters(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _others(split: Split, class_share: float) -> Ints:
    asking = frozenset({Role.PROMPT, Role.INPUT, Role.SYSTEM})
    answers = frozenset({Role.ANSWER})
    written = asking | answers | {Role.OTHER}
    if split.kind is Kind.TEXT:
        written |= {Role.TEXT}
    found = [
        fitting(split, Screen(MARKER, lambda text: not SPOKEN_OF.search(text[1:]), written)),
        fitting(split, Screen(SLOT, _no_code, asking)),
        fitting(split, Screen(DOUBLE_SLOT, _no_code, written)),
        fitting(split, Screen(HAS_TO_INSERT, _to_insert, asking)),
        unless_asked(split, fitting(split, Screen(NO_ANSWER, None, answers)), TALK, CONDITIONS),
    ]
    bare = unless_asked(
        split, fitting(split, Screen(WHOLE_ANSWER, None, answers)), TALK, CONDITIONS
    )
    if len(bare) <= class_share * len(of_roles(split, answers)):
        found.append(bare)
    if split.kind is not Kind.TEXT:
        sides = frozenset({Role.TEXT, Role.SECOND, Role.NEGATIVE})
        found.append(fitting(split, Screen(WHOLE_TEXT, None, sides)))
    return np.unique(np.concatenate(found))


def _to_insert(text: str) -> bool:
    """Whether a text is to be put in here; images and links are `unseen-attachment`'s."""
    return bool(TO_INSERT.search(text)) and not MEDIA.search(text)


def _no_code(text: str) -> bool:
    return not CODE.search(text)


def _repair(inputs: Flagged, others: Flagged) -> Fix:
    """Empty the inputs that say there is none; drop the other rows."""
    edits: list[SetText | DropRows] = []
    emptied = 0
    for split, at, dropped in zip(inputs.splits, inputs.parts, others.rows, strict=True):
        known = parts(split)
        rows = np.searchsorted(known.start, at, side="right") - 1
        for part, row in zip(at.tolist(), rows.tolist(), strict=True):
            if row not in dropped:
                place = part - int(known.start[row])
                old = known.texts[part]
                edits.append(SetText(split=split.name, row=row, old=old, new="", part=place))
                emptied += 1
        if len(dropped):
            edits.append(DropRows(split=split.name, rows=tuple(dropped.tolist())))
    steps = []
    if emptied:
        steps.append(f"empty {counted(emptied, 'input')}")
    if others.count:
        steps.append(f"drop {counted(others.count, 'row')}")
    return Fix(title=" and ".join(steps), safety=Safety.UNSAFE, edits=tuple(edits))
