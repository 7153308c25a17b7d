"""Read what a training script printed."""

from __future__ import annotations

from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.subjects.log_text import LogText

LAST_BYTES = 5 * 1024 * 1024
"""Only the end of a huge log is read: that is where a run says why it died."""


def read_log_text(path: Path) -> LogText:
    """The lines of a text log, of a huge one those of its last 5 MB.

    Bytes that are not UTF-8 are replaced. A progress bar's carriage returns end lines too.

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
    if not content.strip():
        message = f"{path}: the log is empty"
        raise InputError(message)
    if b"\0" in content[:4096]:
        message = f"{path}: is not a text log (it holds binary data)"
        raise InputError(message)
    lines = content.decode("utf-8", errors="replace").splitlines()
    if size > LAST_BYTES and len(lines) > 1:
        lines = lines[1:]  # the first is cut
    return LogText(lines=tuple(lines), path=path)
