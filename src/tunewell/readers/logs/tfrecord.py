"""Records of a TFRecord file, with their checksums, as far as it is whole.

A record is its length (8 bytes), a checksum of that, the bytes, and a checksum of them. The sums
are CRC-32C, turned and shifted by a constant, which the standard library does not have. Computed
byte by byte they would take most of the time, so records of one length are summed side by side.
Format: https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunewell.core.errors import InputError

POLYNOMIAL = 0x82F63B78
MASK = 0xA282EAD8
LENGTH, SUM = 8, 4
HEAD = LENGTH + SUM
CHUNK_BYTES = 1 << 22
LONGEST_SUMMED = 1 << 16
LONGEST = 1 << 30
"""Bytes. A damaged length asks for more; no summary of a run is a gigabyte."""


def _table() -> NDArray[np.uint32]:
    entries = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        entries = np.where(entries & 1, (entries >> 1) ^ np.uint32(POLYNOMIAL), entries >> 1)
    return entries.astype(np.uint32)


TABLE = _table()
PLAIN_TABLE: list[int] = TABLE.tolist()


def records(path: Path) -> Iterator[bytes]:
    """The whole records of a file in order, but for those longer than 4 MiB: images and graphs.

    A half-written end is where it stops, a record whose bytes do not fit their sum is left out,
    and after a damaged length it goes on with the next place that is the head of a record. Sums of
    records longer than 64 KiB are not looked at.

    Raises:
        InputError: if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            rest = b""
            while chunk := file.read(CHUNK_BYTES):
                rest += chunk
                whole, used = _split(rest)
                rest = rest[used:]
                yield from _undamaged(whole)
                wanted = _length(rest, 0) if len(rest) >= HEAD else None
                if wanted is not None and wanted > CHUNK_BYTES:
                    file.seek(wanted + HEAD + SUM - len(rest), os.SEEK_CUR)
                    rest = b""
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None


def _length(data: bytes, at: int) -> int | None:
    """The length that a record's head at a place tells, None where there is no such head."""
    length = int.from_bytes(data[at : at + LENGTH], "little")
    if length > LONGEST:
        return None
    crc = 0xFFFFFFFF
    for byte in data[at : at + LENGTH]:
        crc = PLAIN_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    told = int.from_bytes(data[at + LENGTH : at + HEAD], "little")
    return length if _masked(crc) == told else None


def _masked(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + MASK) & 0xFFFFFFFF


def _split(data: bytes) -> tuple[list[tuple[bytes, int]], int]:
    """The whole records at the start of some bytes, each with its sum, and how many they took."""
    found: list[tuple[bytes, int]] = []
    heads: dict[bytes, int] = {}  # records of scalars have few lengths
    at, end = 0, len(data)
    while at + HEAD <= end:
        length = heads.get(data[at : at + HEAD])
        if length is None:
            length = _length(data, at)
            if length is None:
                at = _next_head(data, at + 1)
                continue
            heads[data[at : at + HEAD]] = length
        after = at + HEAD + length + SUM
        if after > end:
            break
        body = data[at + HEAD : after - SUM]
        found.append((body, int.from_bytes(data[after - SUM : after], "little")))
        at = after
    return found, at


def _next_head(data: bytes, start: int) -> int:
    """The next place that is the head of a record, or the first that may yet become one."""
    at = start
    while True:
        # The upper half of a length below 4 GiB is zero.
        zeros = data.find(b"\0\0\0\0", at + LENGTH - 4)
        at = zeros - (LENGTH - 4)
        if zeros < 0 or at + HEAD > len(data):
            return max(start, len(data) - HEAD + 1)
        if _length(data, at) is not None:
            return at
        # A stretch of zeros, as in a file that was given its size before it was written.
        window = data[at : at + LONGEST_SUMMED]
        at += max(1, len(window) - len(window.lstrip(b"\0")) - HEAD)


def _undamaged(whole: Sequence[tuple[bytes, int]]) -> Iterator[bytes]:
    """The records that fit their sums, in order."""
    good = np.ones(len(whole), dtype=bool)
    by_length: dict[int, list[int]] = {}
    for place, (body, _) in enumerate(whole):
        by_length.setdefault(len(body), []).append(place)
    for length, places in by_length.items():
        if length > LONGEST_SUMMED:
            continue
        told = np.array([whole[place][1] for place in places], dtype=np.uint32)
        joined = np.frombuffer(b"".join(whole[place][0] for place in places), dtype=np.uint8)
        good[places] = _sums(joined.reshape(len(places), length)) == told
    for (body, _), fits in zip(whole, good.tolist(), strict=True):
        if fits:
            yield body


def _sums(bodies: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The masked sums of records of one length, shape (records, bytes)."""
    crc = np.full(len(bodies), 0xFFFFFFFF, dtype=np.uint32)
    if len(bodies) * 4 < bodies.shape[1]:
        crc = np.array([_one(body.tobytes()) for body in bodies], dtype=np.uint32)
    else:
        for column in np.ascontiguousarray(bodies.T):
            crc = TABLE[(crc ^ column) & 0xFF] ^ (crc >> 8)
    crc ^= np.uint32(0xFFFFFFFF)
    turned = (crc >> np.uint32(15)) | (crc << np.uint32(17))
    return turned + np.uint32(MASK)


def _one(body: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in body:
        crc = PLAIN_TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc
