"""Characters and blanks that are written in two forms, and how to write the plain one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TwoForms:
    """A character that is written in two ways.

    `odd` and `plain` are patterns for `re` and for Rust's regex crate; `mend` writes a text in the
    plain form.
    """

    kind: str
    odd: str
    plain: str
    mend: Callable[[str], str]


QUOTES = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201b": "'", "\u201c": '"', "\u201d": '"', "\u201f": '"'}
)
BLANK = "[\u00a0\u2007\u202f]"
WIDE = "[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]"
LIGATURE = "[\ufb00-\ufb06]"
DOUBLED = r"([^\s.!?:;|]) {2,}([^\s|])"


def _narrow(text: str) -> str:
    return re.sub(WIDE, lambda match: unicodedata.normalize("NFKC", match.group()), text)


def _apart(text: str) -> str:
    return re.sub(LIGATURE, lambda match: unicodedata.normalize("NFKC", match.group()), text)


def _single(text: str) -> str:
    return re.sub(r"(?<=[^\s.!?:;|]) {2,}(?=[^\s|])", " ", text)


FORMS: tuple[TwoForms, ...] = (
    TwoForms(
        "curly and straight quotation marks",
        "[\u2018\u2019\u201b\u201c\u201d\u201f]",
        "[\"']",
        lambda text: text.translate(QUOTES),
    ),
    TwoForms(
        "accents of their own and as part of the letter",
        "[A-Za-z][\u0300-\u0304\u0306-\u030c\u0327\u0328]",
        "[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f]",
        lambda text: unicodedata.normalize("NFC", text),
    ),
    TwoForms("unbreakable and plain blanks", BLANK, " ", lambda text: re.sub(BLANK, " ", text)),
    TwoForms("full-width and plain letters", WIDE, "[A-Za-z0-9]", _narrow),
    TwoForms("ligatures and letters", LIGATURE, "f[fil]", _apart),
    TwoForms("blanks at an end of the text", r"^\s|\s$", r"^\S", str.strip),
    TwoForms("doubled and single blanks", DOUBLED, r"\S \S", _single),
)
"""The odd form first. Indentation and two blanks after a full stop are not among them."""
