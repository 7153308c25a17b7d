"""Find out how the bytes of a text file are encoded, in one pass over it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

BYTE_ORDER_MARKS = (
    # The longer mark first: UTF-32-LE begins with the mark of UTF-16-LE.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
ESCAPED = re.compile("[\udc80-\udcff]")
NON_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")
UNDEFINED_IN_CP1252 = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d]")
NOT_WRITTEN_IN_CP1252 = re.compile("[\udc81\udc8d\udc8f\udc90\udc9d\udcff]")
"""Bytes without a meaning, and that of y with two dots, which stands for "no value" in many files.
"""

HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding by Python's name, and what in the file is not valid UTF-8.

    `bad_bytes` counts bytes that no UTF-8 text holds and `bad_line` is the first line, from 1,
    that has one. Both are 0 and None for UTF-8, UTF-16 and UTF-32.
    """

    name: str
    bad_bytes: int = 0
    bad_line: int | None = None


def detect(chunks: Iterable[bytes], cut: Callable[[], bool] = lambda: False) -> Encoding:
    """The encoding of a file that comes in pieces.

    A byte-order mark decides. Else text that is valid UTF-8 is UTF-8. Of the rest, text with more
    bad bytes than valid UTF-8 letters is Windows-1252 (which holds Latin-1's printable part);
    otherwise it is UTF-8 with some bytes broken. `cut` is asked after the last piece: in a file
    that is cut short the last character may be cut in two.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    bad = letters = lines = 0
    bad_line: int | None = None
    windows = True
    first = True
    for chunk in chunks:
        if first:
            marked = _wide(chunk)
            if marked is not None:
                return Encoding(marked)
            first = False
        text = decoder.decode(chunk)
        if not text.isascii():
            found = ESCAPED.search(text)
            if found is not None:
                if bad_line is None:
                    bad_line = lines + text.count("\n", 0, found.start()) + 1
                bad += len(ESCAPED.findall(text))
                windows = windows and UNDEFINED_IN_CP1252.search(text) is None
            letters += len(NON_ASCII.findall(text))
        lines += text.count("\n")
    tail = "" if cut() else decoder.decode(b"", final=True)
    if tail:
        bad += len(tail)
        bad_line = bad_line or lines + 1
        windows = windows and UNDEFINED_IN_CP1252.search(tail) is None
    name = "cp1252" if bad > letters and windows else "utf-8"
    return Encoding(name, bad, bad_line)


def mended(text: str) -> str | None:
    """A row whose bytes beyond UTF-8, kept as surrogates, are letters and signs of Windows-1252.

    None where they are none, or stand beside letters that are UTF-8: such a row is damaged.
    """
    if text.isascii() or not ESCAPED.search(text):
        return text
    if NON_ASCII.search(text) or NOT_WRITTEN_IN_CP1252.search(text):
        return None
    return text.encode("utf-8", "surrogateescape").decode("cp1252")


def _wide(head: bytes) -> str | None:
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    # UTF-16 without a mark: in text of mostly Latin letters every other byte is zero.
    sample = head[:1024]
    if sample and sample.count(0) * 3 >= len(sample):
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        if even == 0:
            return "utf-16-le"
        if odd == 0:
            return "utf-16-be"
    return None
