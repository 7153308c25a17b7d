"""Text without what does not change what it says: case, width, punctuation marks, white space."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.parts import Texts

MARKS = "\"'`!?;,.:"
PUNCTUATION = re.compile(rf"[{MARKS}]+(?!\d)|(?<!\d)[{MARKS}]+")
SPACE = re.compile(r"\s+")
DASH = re.compile(r"[-/](?!\d)")
FOREIGN = {
    **dict.fromkeys("‘’“”¿¡", "'"),  # noqa: RUF001
    **dict.fromkeys("\u2010\u2012\u2013\u2014\u2015", "-"),
    **dict.fromkeys("\x85\u1680\u2028\u2029", " "),
}
"""Marks, dashes and white space that survive NFKC, by their like in ASCII."""

ROWS_AT_ONCE = 500
"""Texts folded together: about 200 KB of text and its masks stay in the processor's cache."""

END = 0xFF
"""A byte that UTF-8 never uses; it ends each text of a block."""

LAST = bytes([END])
BLANK = 0x20
HIGH = 0x80
STROKE, MARK = 1, 2
ASCII_SPACES = b"\t\n\r\v\f\x1c\x1d\x1e\x1f"
SIGNS = bytes(
    STROKE if byte in b"-/" else MARK if byte < HIGH and chr(byte) in MARKS else 0
    for byte in range(256)
)
LOWER = bytes(
    BLANK if byte in ASCII_SPACES else ord(chr(byte).lower()) if byte < HIGH else byte
    for byte in range(256)
)

OTHER_DIGITS = re.compile(rb"[\xd9\xdb\xdf\xe0\xe1]|\xea[\x98-\xaf]|\xf0[^\x9f]")
"""How the digits of other scripts begin in UTF-8; they too guard a mark between them."""

NOT_THEIR_BYTES = bytes(byte for byte in range(256) if byte not in b"\xd9\xdb\xdf\xe0\xe1\xea\xf0")

Bytes = NDArray[np.uint8]


def fold(text: str) -> str:
    """Text without case, width, punctuation marks and extra white space.

    Marks between digits stay ("1.50" is not "150"), and so do symbols that carry meaning on their
    own (currency, plus, brackets of emoticons). A text of punctuation alone stays as it is.
    """
    plain = text.lower() if text.isascii() else _with_ascii_marks(text)
    folded = SPACE.sub(" ", PUNCTUATION.sub("", DASH.sub(" ", plain))).strip()
    return folded or SPACE.sub(" ", plain).strip()


def _with_ascii_marks(text: str) -> str:
    # NFKC would make the acute accent on its own, a common apostrophe, an accent on a blank.
    plain = unicodedata.normalize("NFKC", text.replace("´", "'")).casefold()  # noqa: RUF001
    for one, like in FOREIGN.items():
        plain = plain.replace(one, like)
    return plain


def folded(texts: Sequence[str]) -> Any:  # noqa: ANN401  pyarrow has no types
    """`fold` of every text: a chunked Arrow array of large strings, one entry for each text.

    Blocks of text are folded as bytes, several times faster than one by one and, where the texts
    are `Texts`, without Python strings; only what is not ASCII is looked at text by text.
    """
    import pyarrow as pa  # noqa: PLC0415  a small check never needs it

    blocks = [_fold_block(block) for block in blocks_of(texts)]
    return pa.chunked_array(blocks, type=pa.large_string())


def blocks_of(texts: Sequence[str], rows: int = ROWS_AT_ONCE) -> Iterator[Any]:
    """The texts as Arrow arrays of large strings, at most `rows` in each."""
    column = texts.column if isinstance(texts, Texts) else None
    for low in range(0, len(texts), rows):
        if column is not None:
            yield whole(column.slice(low, rows))
        else:
            yield whole(Texts.of(texts[low : low + rows]).column)


def whole(column: Any) -> Any:  # noqa: ANN401
    """A chunked column of large strings as one Arrow array."""
    import pyarrow as pa  # noqa: PLC0415  see folded

    if column.num_chunks == 1:
        return column.chunk(0)
    if not column.num_chunks:
        return pa.array([], column.type)
    return pa.concat_arrays(column.chunks, memory_pool=pa.system_memory_pool())


def chosen(column: Any, mask: NDArray[np.bool_]) -> Any:  # noqa: ANN401
    """The texts of a chunked column for which the mask is true, as one Arrow array.

    Here and elsewhere large copies are made in the C library's memory. Arrow's own keeps what is
    freed, and asks for huge pages, which a virtual machine took 5 ms each to give.
    """
    import pyarrow as pa  # noqa: PLC0415  see folded
    import pyarrow.compute as pc  # noqa: PLC0415

    return whole(pc.filter(column, pa.array(mask), memory_pool=pa.system_memory_pool()))


def _fold_block(block: Any) -> Any:  # noqa: ANN401
    import pyarrow as pa  # noqa: PLC0415  see folded
    import pyarrow.compute as pc  # noqa: PLC0415

    rows = len(block)
    original = block.cast(pa.large_binary())
    ended = _ended(original)
    by_hand = np.zeros(rows, dtype=bool)
    if len(high := np.flatnonzero(np.frombuffer(ended, dtype=np.int8) < -1)):  # 0x80 to 0xFE
        ends = np.flatnonzero(np.frombuffer(ended, dtype=np.uint8) == END)
        foreign = np.zeros(rows, dtype=bool)
        foreign[np.searchsorted(ends, high)] = True
        texts = block.filter(pa.array(foreign)).to_pylist()
        plain = [_with_ascii_marks(text).encode() for text in texts]
        by_hand[foreign] = [
            bool(text.translate(None, NOT_THEIR_BYTES) and OTHER_DIGITS.search(text))
            for text in plain
        ]
        ended = _ended(_replaced(original, foreign, plain))
    result = _squeezed(_without_marks(ended))
    # Each text still ends with END; that byte goes, and the offsets move with it.
    offsets = np.concatenate(([0], np.flatnonzero(result == END) - np.arange(rows)))
    done = pa.Array.from_buffers(
        pa.large_binary(),
        rows,
        [None, pa.py_buffer(offsets), pa.py_buffer(result.tobytes().translate(None, LAST))],
    )
    by_hand |= (np.diff(offsets) == 0) & (pc.binary_length(block).to_numpy() > 0)
    if by_hand.any():
        texts = block.filter(pa.array(by_hand)).to_pylist()
        done = _replaced(done, by_hand, [fold(text).encode() for text in texts])
    return done.view(pa.large_string())


def _ended(block: Any) -> bytes:  # noqa: ANN401
    """The bytes of all texts, each followed by END."""
    import pyarrow as pa  # noqa: PLC0415  see folded
    import pyarrow.compute as pc  # noqa: PLC0415

    last, between = (pa.scalar(part, pa.large_binary()) for part in (LAST, b""))
    joined = pc.binary_join_element_wise(block, last, between, memory_pool=pa.system_memory_pool())
    if not len(joined):
        return b""
    offsets = np.frombuffer(joined.buffers()[1], dtype=np.int64)
    return memoryview(joined.buffers()[2])[offsets[0] : offsets[len(joined)]].tobytes()


def _replaced(block: Any, mask: NDArray[np.bool_], new: list[bytes]) -> Any:  # noqa: ANN401
    """The block with the texts under the mask replaced."""
    import pyarrow as pa  # noqa: PLC0415  see folded
    import pyarrow.compute as pc  # noqa: PLC0415

    values = pa.array(new, pa.large_binary())
    pool = pa.system_memory_pool()
    return pc.replace_with_mask(block, pa.array(mask), values, memory_pool=pool)


def _without_marks(raw: bytes) -> Bytes:
    """Lower case, without marks that are not between digits, a blank for a dash or a slash.

    Dashes and slashes before a digit stay.
    """
    text = np.frombuffer(bytearray(raw.translate(LOWER)), dtype=np.uint8)
    signs = np.frombuffer(raw.translate(SIGNS), dtype=np.uint8)
    at = np.flatnonzero(signs > 0)
    kind = signs[at]
    digit_before = _is_digit(text[at - 1])  # the byte "before" the first one is the last END
    digit_after = _is_digit(text[at + 1])  # a block ends with END
    text[at[(kind == STROKE) & ~digit_after]] = BLANK
    return np.delete(text, at[(kind == MARK) & ~(digit_before & digit_after)])


def _is_digit(text: Bytes) -> NDArray[np.bool_]:
    return text - np.uint8(ord("0")) < 10  # noqa: PLR2004  ten digits; smaller bytes wrap around


def _squeezed(text: Bytes) -> Bytes:
    """One blank for several, none at either end of a text."""
    blank = text == BLANK
    bound = text == END
    surplus = np.flatnonzero(blank[1:] & (blank | bound)[:-1]) + 1
    if len(text) and blank[0]:
        surplus = np.concatenate(([0], surplus))
    text = np.delete(text, surplus)
    trailing = np.flatnonzero((text[:-1] == BLANK) & (text[1:] == END))
    return np.delete(text, trailing) if len(trailing) else text
