"""Characters that nobody sees or types, and escapes that a scraper left: what and how to mend."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

from tunewell.facts.writing.mojibake import repaired

Replace = Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Residue:
    """Something in a text that no writer put there.

    `pattern` means the same to `re` and to Rust's regex crate. `mend` gives what stands in the
    place of a match afterwards. `spared` says which texts hold it rightly. `hides` says that it can
    make a text read otherwise than it looks; `doubtful` that a single one means nothing.
    """

    kind: str
    pattern: str
    mend: Replace = lambda _: ""
    spared: re.Pattern[str] | None = None
    hides: bool = False
    doubtful: bool = False


RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
"""Hebrew, Arabic and other letters beside which marks of direction are in their place."""

WITHOUT_BLANKS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese and Khmer, which part words by zero-width spaces."""

REGION_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{2,8}\U000e007f")
"""A flag of a region, such as Scotland's: a black flag, tag characters, and one that ends them."""

MARKUP = re.compile(
    r"(?i)html|\bxml\b|\btags?\b|<!doctype|<(?:head|body|script|style|code|pre|input|form|table)\b|"
    r"\bcss\b|web ?page|website|browser|hyperlink|\bentit|javascript|\bphp\b|markup|```"
)
"""Texts that are about markup, or programs that write it."""

CODE = re.compile(
    r"(?i)```|\bprintf?\b|\bcout\b|\bdef |\bfunction\b|\bimport |\breturn\b|#include|\bregex|"
    r"\bstring|\bescape|unicode|\bcode\b|\bpython\b|\bjava|newline|character|\bjson\b|\blatex\b|"
    r"\\(?:neq?\b|nu\b|nabla|not\b|begin|frac|text|right|left|times|new)"
)
"""Texts that are about programs or formulas, in which a backslash is in its place."""


def _windows(match: re.Match[str]) -> str:
    """What Windows-1252 means by a control of the upper range; nothing where it means none."""
    return match.group().encode("latin-1").decode("cp1252", "ignore")


def _entity(match: re.Match[str]) -> str:
    return html.unescape(match.group()).replace("\u00a0", " ")


def _tag(match: re.Match[str]) -> str:
    return "\n" if re.match(r"(?i)<br|</p|</div|</li", match.group()) else ""


def _escape(match: re.Match[str]) -> str:
    return chr(int(match.group().removeprefix("\\u"), base=16))


UNSEEN: tuple[Residue, ...] = (
    Residue("control character", r"[\x00-\x08\x0e-\x1f\x7f]"),
    Residue("control character", r"[\u0080-\u0084\u0086-\u009f]", mend=_windows),
    Residue("line separator", r"[\x0b\x0c\u0085\u2028\u2029]", mend=lambda _: "\n"),
    Residue("zero-width character", r"[\u200b\u2060-\u2064\u180e]", spared=WITHOUT_BLANKS),
    Residue(
        "zero-width character",
        r"[A-Za-z0-9][\u200c\u200d]+[A-Za-z0-9]",
        mend=lambda match: match.group()[0] + match.group()[-1],
    ),
    Residue("byte-order mark", r"\ufeff"),
    Residue("direction mark", r"[\u202a\u202c\u2066\u2068\u2069]", spared=RIGHT_TO_LEFT),
    Residue("direction override", r"[\u202b\u202d\u202e\u2067]", spared=RIGHT_TO_LEFT, hides=True),
    Residue("tag character", r"[\U000e0001-\U000e007f]", spared=REGION_FLAG, hides=True),
    Residue("private-use character", r"[\ue000-\uf8ff\U000f0000-\U000ffffd]"),
)
"""Tabs, line breaks, soft hyphens, and the joiners and variation selectors that scripts and emoji
need are not among them."""

LEFT_OVER: tuple[Residue, ...] = (
    Residue(
        "HTML entity",
        r"&(?:amp|lt|gt|quot|apos|nbsp|#39|#34|#x27|#x2F|rsquo|lsquo|ldquo|rdquo|hellip|mdash);",
        mend=_entity,
        spared=MARKUP,
        doubtful=True,
    ),
    Residue(
        "HTML tag",
        r"</?(?:br|p|div|span|b|i|em|strong|font|li|ul)(?: [^<>]{0,200})? ?/?>",
        mend=_tag,
        spared=MARKUP,
        doubtful=True,
    ),
    Residue(
        "escaped line break",
        r"(?:\\r)?\\n(?:\\n)*",
        mend=lambda match: "\n" * match.group().count("n"),
        spared=CODE,
        doubtful=True,
    ),
    Residue("escaped character", r"\\u00[a-f0-9]{2}", mend=_escape, spared=CODE, doubtful=True),
)
"""What a scraper or a second round of escaping leaves in the text."""

ALL = (*UNSEEN, *LEFT_OVER)
SCREEN = "|".join(f"(?:{residue.pattern})" for residue in ALL)
_PATTERNS = {residue: re.compile(residue.pattern) for residue in ALL}


def residues(text: str) -> list[Residue]:
    """What of all this a text holds wrongly. Mojibake is left to its own check."""
    found = [
        residue
        for residue, pattern in _PATTERNS.items()
        if pattern.search(text) and not (residue.spared and residue.spared.search(text))
    ]
    if any(residue.mend is _windows for residue in found) and repaired(text) != text:
        found = [residue for residue in found if residue.mend is not _windows]
    return found


def mended(text: str, found: list[Residue]) -> str:
    """The text without these."""
    for residue in found:
        text = _PATTERNS[residue].sub(residue.mend, text)
    return text
