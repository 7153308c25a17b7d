"""Text whose bytes were read in the wrong encoding, once or twice, and how to read it again."""

from __future__ import annotations

import re

CODECS = (
    "latin-1",
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1257",
    "iso8859-2",
    "mac_roman",
    "cp437",
)
"""Encodings that UTF-8 is mistaken for: those that ftfy can undo."""

LOST = "\ufffd|\u2030\u00db_|\u00cc_"
"""A pattern for what stands where bytes could not be read: the replacement character, and the same
after a second misreading. What stood there is gone."""

FEWEST_CONTROLS = 2
"""Controls that Windows-1252 uses for quotation marks and dots, from which on they are read so."""


def _characters(codec: str, low: int, high: int) -> str:
    """The characters that a codec makes of the bytes from `low` to `high`, for a class."""
    made = {bytes([byte]).decode(codec, "ignore") for byte in range(low, high + 1)}
    return "".join(sorted(re.escape(character) for character in made))


def _pairs(codec: str) -> str:
    """What two bytes that begin a character in UTF-8 look like when read in this codec."""
    return f"[{_characters(codec, 0xC2, 0xF4)}][{_characters(codec, 0x80, 0xBF)}]"


def _read_on_a_mac() -> dict[str, str]:
    """Characters by what two misreadings made of them.

    Their UTF-8 was read as Windows-1252 or Latin-1, written in Mac Roman and read as Windows-1252
    again, as a spreadsheet does that is moved between systems: the pound sign becomes "a with a
    ring, pound sign". Only Latin-1 signs, general punctuation, and pairs that no word holds.
    """
    table: dict[str, str] = {}
    signs = [chr(code) for code in (*range(0xA0, 0x100), *range(0x2010, 0x2027), 0x20AC, 0x2122)]
    windows = [bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)]
    once = [(sign, sign.encode()) for sign in signs]
    once += [(sign, b"\xc2" + sign.encode("cp1252")) for sign in windows if sign]
    for sign, raw in once:
        try:
            twice = raw.decode("cp1252").encode("mac_roman").decode("cp1252")
        except UnicodeError:
            continue
        a_word_may_hold_it = twice.isalpha() and not (twice[0].islower() and twice[1:].isupper())
        if len(twice) > 1 and not a_word_may_hold_it:
            table[twice] = sign
    return table


TWICE = _read_on_a_mac()
_ANY_TWICE = "|".join(re.escape(seen) for seen in sorted(TWICE, key=len, reverse=True))
_TWICE = re.compile(_ANY_TWICE)
_ALONE = re.compile(rf"(?<![^\x00-\x7f])(?:{_ANY_TWICE})+(?![^\x00-\x7f])")
_CONTROL = re.compile("[\u0080-\u009f]")

SCREEN = "|".join(
    [
        *dict.fromkeys(map(_pairs, CODECS)),
        "[\u00c2\u00c3\u00ce\u00d0] ",
        "[\u0080-\u009f]",
        _ANY_TWICE,
        LOST,
    ]
)
"""Fits every text that may be mojibake, and some that are not: for `re` and Rust's regex crate."""


def repaired(text: str) -> str:
    """The text as it was before it was read in the wrong encoding; itself where nothing is wrong.

    A single character from the controls that Windows-1252 uses for dots and quotation marks is left
    alone: it is unusual, and not mojibake.
    """
    import ftfy  # noqa: PLC0415  0.1 s that most data need not wait for

    once = _ALONE.sub(_sign, text)
    found = ftfy.fix_encoding(once)
    if _plain(found) == _plain(text) and len(_CONTROL.findall(text)) < FEWEST_CONTROLS:
        return text
    return found


def _sign(match: re.Match[str]) -> str:
    return _TWICE.sub(lambda one: TWICE[one.group()], match.group())


def _plain(text: str) -> str:
    """The text with C1 controls read as Windows-1252 means them."""
    return _CONTROL.sub(_as_windows, text)


def _as_windows(match: re.Match[str]) -> str:
    return match.group().encode("latin-1").decode("cp1252", "replace")
