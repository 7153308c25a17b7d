"""Gzip files, of which a damaged one is read as far as it goes."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO

PIECE = 1 << 16
STEPS = (256, 1)
"""Bytes that are tried at once before the place of the damage, which is told in bytes."""

WITH_HEADER = 31
CUT_SHORT = "the gzip file is cut short here"
DAMAGED = "the gzip file is damaged here"
WRONG_SUM = "the gzip file does not match its own checksum: some of its rows are damaged"


class Unpacked:
    """The content of a gzip file in pieces.

    `damage` says, once all pieces have come, what is wrong with the file; None where nothing is.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Read from `file`, which stays the caller's to close."""
        self._file = file
        self.damage: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        """The pieces; the last one before a fault ends with the last byte that could be read."""
        member = zlib.decompressobj(WITH_HEADER)
        begun = False
        while piece := self._file.read(PIECE):
            while piece:
                if member.eof:
                    piece = piece.lstrip(b"\0")  # what some tapes and tools fill up with
                    if not piece:
                        break
                    member, begun = zlib.decompressobj(WITH_HEADER), False
                before = member.copy()
                try:
                    out = member.decompress(piece)
                except zlib.error as error:
                    self.damage = WRONG_SUM if "incorrect data check" in str(error) else DAMAGED
                    out = _up_to_the_fault(before, piece)
                    if out:
                        yield out
                    return
                begun = True
                piece = member.unused_data
                if out:
                    yield out
        if not member.eof:
            self.damage = CUT_SHORT
            rest = member.flush() if begun else b""
            if rest:
                yield rest


def unpack(data: bytes) -> bytes:
    """All of a gzip file that can be read."""
    return b"".join(Unpacked(io.BytesIO(data)))


def _up_to_the_fault(member: zlib._Decompress, piece: bytes) -> bytes:
    """What comes of a piece before the byte that cannot be unpacked."""
    out: list[bytes] = []
    at = 0
    for step in STEPS:
        while at < len(piece):
            before = member.copy()
            try:
                out.append(member.decompress(piece[at : at + step]))
            except zlib.error:
                member = before
                break
            at += step
    return b"".join(out)
