"""Event files written from scratch, for what no tool writes on demand."""

import struct

import numpy as np

from tunewell.readers.logs.tfrecord import _sums


def record(body: bytes) -> bytes:
    """A TFRecord. Its sums are the reader's own, which the tools' files are held against."""
    length = struct.pack("<Q", len(body))
    return length + masked(length) + body + masked(body)


def masked(data: bytes) -> bytes:
    """The masked sum of some bytes."""
    return struct.pack("<I", int(_sums(np.frombuffer(data, dtype=np.uint8)[None])[0]))


def scalar(tag: str, value: float) -> bytes:
    """A summary of one plain value."""
    name = tag.encode()
    inner = b"\x0a" + bytes([len(name)]) + name + b"\x15" + struct.pack("<f", value)
    outer = b"\x0a" + bytes([len(inner)]) + inner
    return b"\x2a" + bytes([len(outer)]) + outer


def event(step: int, summary: bytes) -> bytes:
    """An event at a step below 128."""
    return b"\x09" + struct.pack("<d", 1e9 + step) + b"\x10" + bytes([step]) + summary
