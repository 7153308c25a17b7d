"""Read what a training script printed."""

from __future__ import annotations

import codecs
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.readers.logs.text_lines import clean
from tunewell.subjects.log_text import LogText

LAST_BYTES = 5 * 1024 * 1024
"""Only the end of a huge log is read: that is where a run says why it died."""


def read_log_text(path: Path) -> LogText:
    """The lines of a text log, of a huge one those of its last 5 MB.

    Bytes that are not UTF-8 are replaced, colours and movements of the cursor taken out. A progress
    bar's carriage returns end lines too.

    Raises:
        InputError: if the file is missing, a folder, empty or not text.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            file.seek(max(0, size - LAST_BYTES))
            content = file.read(LAST_BYTES)
    except IsADirectoryError:
        message = f"{path}: is a folder; pass the log file itself"
        raise InputError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    return text_of(content, path, cut=size > LAST_BYTES)


def text_of(content: bytes, path: Path | None, *, cut: bool = False) -> LogText:
    """The lines of a text that is already read; `cut` where its first line is only a part.

    Raises:
        InputError: if it is empty or not text.
    """
    place = path or "standard input"
    if not content.strip():
        message = f"{place}: the log is empty"
        raise InputError(message)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # what PowerShell redirects
        content = content.decode("utf-16", errors="replace").encode("utf-8", errors="replace")
    if b"\0" in content[:4096]:
        message = f"{place}: is not a text log (it holds binary data)"
        raise InputError(message)
    lines = clean(content).decode("utf-8", errors="replace").splitlines()
    if cut and len(lines) > 1:
        lines = lines[1:]
    return LogText(lines=tuple(lines), path=path)
