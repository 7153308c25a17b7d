"""The text of a configuration file."""

from __future__ import annotations

from pathlib import Path

from tunewell.core.errors import InputError

MOST_BYTES = 4 * 2**20
"""A configuration is a few kilobytes; what is larger is data."""


def read_text(path: Path) -> str:
    """The text of a file, without the mark that some editors put before it.

    Raises:
        InputError: if it cannot be read, is not UTF-8 or too large for a configuration.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            message = f"{path}: is too large for a configuration"
            raise InputError(message)
        return path.read_bytes().decode("utf-8").removeprefix("\ufeff")
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except UnicodeDecodeError as error:
        message = f"{path}: is not UTF-8 text (byte {error.start})"
        raise InputError(message) from None
