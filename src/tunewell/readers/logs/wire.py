"""The wire format of Protocol Buffers, as far as logs need it.

Event files of TensorBoard and the files of W&B hold such messages. Their fields that matter are few
and their numbers never change, so they are read without the packages that wrote them.
Format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10
CONTINUED = 0x80
"""A byte of a varint from this on is followed by another."""


class WireError(ValueError):
    """Bytes that are no message."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it.

    Raises:
        WireError: if there is none.
    """
    if at < len(data) and data[at] < CONTINUED:
        return data[at], at + 1
    value = 0
    for place, byte in enumerate(data[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < CONTINUED:
            return value, at + place + 1
    raise WireError


def signed(value: int) -> int:
    """A varint of a signed field: negative numbers fill all 64 bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value


def zigzag(value: int) -> int:
    """A varint of a `sint` field, whose lowest bit is the sign."""
    return (value >> 1) ^ -(value & 1)


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in order: a number for a varint, bytes for every other.

    Raises:
        WireError: if the bytes are no message; what came before has been given.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(data, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, at = varint(data, at)
        elif kind in {FIXED64, FIXED32}:
            size = 8 if kind == FIXED64 else 4
        else:
            raise WireError
        if at + size > end:
            raise WireError
        yield key >> 3, data[at : at + size]
        at += size


def messages(data: bytes, wanted: int) -> Iterator[bytes]:
    """The values of one repeated field."""
    for number, value in fields(data):
        if number == wanted and isinstance(value, bytes):
            yield value


def text(data: bytes, wanted: int) -> str:
    """A field's text, the last one where there are several, empty where there is none."""
    found = [b"", *messages(data, wanted)]
    return found[-1].decode("utf-8", "replace")
