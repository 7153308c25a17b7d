"""The messages in TensorBoard's event files: `Event` and what its summary holds.

Fields by their numbers in tensorboard/compat/proto (event, summary, tensor) and in the protocol of
the HParams plugin.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunewell.readers.logs.wire import WireError, fields, messages, signed, text, varint

HPARAMS = "hparams"
WALL_TIME, STEP, SUMMARY, SESSION_LOG = 1, 2, 5, 7
STARTED = 1
"""The status of a session log that discards what was logged from its step on."""

NUMPY_TYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 19: "<f2",
    22: "<u4", 23: "<u8",
}  # fmt: skip
"""Types of tensors by their number, as they lie in `tensor_content`."""

TENSOR_FLOATS = {5: "<f4", 6: "<f8"}
TENSOR_NUMBERS = (7, 10, 11, 13, 16, 17)
HALF, BFLOAT16 = 19, 14


@dataclass(frozen=True, slots=True)
class Scalar:
    """A tag's value."""

    tag: str
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A tag's text."""

    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class Hparams:
    """The hyperparameters of a run."""

    tag: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """What one record holds: when (seconds since 1970), at which step, and the values.

    `started` says that the writer was told to discard what was logged from this step on.
    """

    time: float
    step: int
    values: tuple[Scalar | Text | Hparams, ...]
    started: bool = False


def values(record: bytes) -> Event:
    """A record's event; what is damaged or of another kind is left out."""
    time, step, started = 0.0, 0, False
    found: list[Scalar | Text | Hparams] = []
    try:
        for number, value in fields(record):
            if number == STEP and isinstance(value, int):
                step = signed(value)
            elif not isinstance(value, bytes):
                continue
            elif number == WALL_TIME:
                (time,) = struct.unpack("<d", value)
            elif number == SUMMARY:
                found += _summary(value)
            elif number == SESSION_LOG:
                started = (1, STARTED) in fields(value)
    except (WireError, struct.error):
        pass
    return Event(time, step, tuple(found), started)


def _summary(data: bytes) -> Iterator[Scalar | Text | Hparams]:
    for value in messages(data, 1):
        made = _value(value)
        if made is not None:
            yield made


def _value(data: bytes) -> Scalar | Text | Hparams | None:
    tag = text(data, 1)
    for plain in messages(data, 2):
        return Scalar(tag, struct.unpack("<f", plain)[0])
    for metadata in messages(data, 9):
        hparams = _hparams(metadata)
        if hparams:
            return Hparams(tag, hparams)
    for tensor in messages(data, 8):
        return _tensor(tag, tensor)
    return None


def _tensor(tag: str, data: bytes) -> Scalar | Text | None:
    """A tensor of one value, where it is a number or a text."""
    given = dict(fields(data))
    kind = given.get(1)
    string, shape = given.get(8), given.get(2)
    if isinstance(string, bytes):
        return Text(tag, string.decode("utf-8", "replace"))
    if shape or not isinstance(kind, int):
        return None  # it has dimensions
    value = _single(kind, given)
    return None if value is None else Scalar(tag, value)


def _single(kind: int, given: dict[int, int | bytes]) -> float | None:
    """The first number of a tensor: its type's own field, or the bytes of it all."""
    content = given.get(4)
    known = NUMPY_TYPES.get(kind)
    if known is not None and isinstance(content, bytes):
        return _first(content, known)
    for number, type_ in TENSOR_FLOATS.items():
        single = given.get(number)
        if isinstance(single, bytes):
            return _first(single, type_)
    for number in TENSOR_NUMBERS:
        if number in given:
            return _number(kind, given[number])
    return 0.0 if known is not None else None  # zero is not written


def _first(content: bytes, type_: str) -> float | None:
    known = np.dtype(type_)
    if len(content) < known.itemsize:
        return None
    return float(np.frombuffer(content[: known.itemsize], dtype=known)[0])


def _number(kind: int, value: int | bytes) -> float:
    """A whole number; the types of two bytes hold in it the bits of one that is not whole."""
    whole = varint(value, 0)[0] if isinstance(value, bytes) else value
    if kind == HALF:
        return float(np.array(whole & 0xFFFF, dtype=np.uint16).view(np.float16))
    if kind == BFLOAT16:
        return float(np.array((whole & 0xFFFF) << 16, dtype=np.uint32).view(np.float32))
    return float(signed(whole))


def _hparams(metadata: bytes) -> dict[str, Any]:
    """The hyperparameters in the metadata of a summary of the HParams plugin."""
    return {
        text(entry, 1): _told(value)
        for plugin in messages(metadata, 1)
        if text(plugin, 1) == HPARAMS
        for content in messages(plugin, 2)
        for session in messages(content, 3)
        for entry in messages(session, 1)
        for value in messages(entry, 2)
    }


def _told(value: bytes) -> float | str | bool | None:
    """A number, a text or a truth value of `google.protobuf.Value`."""
    given = dict(fields(value))
    plain, string, truth = (given.get(number) for number in (2, 3, 4))
    if isinstance(plain, bytes):
        return float(struct.unpack("<d", plain)[0])
    if isinstance(string, bytes):
        return string.decode("utf-8", "replace")
    return None if truth is None else bool(truth)
