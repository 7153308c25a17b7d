"""Write the document to a file whose name says the format."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tunewell.core.document import Document
from tunewell.core.errors import SettingsError, UserError
from tunewell.report.render import render

FORMAT_OF_SUFFIX = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".jsonl": "jsonl",
    ".md": "markdown",
    ".sarif": "sarif",
    ".xml": "junit",
    ".txt": "full",
}

TEXT_WIDTH = 100
"""Columns of a .txt file."""


def write(document: Document, path: str | Path) -> Path:
    """Write the document in the format that the suffix names, whole or not at all.

    Returns:
        the path written.

    Raises:
        SettingsError: if the suffix names no format.
        UserError: if the file cannot be written.
    """
    target = Path(path)
    chosen = FORMAT_OF_SUFFIX.get(target.suffix.lower())
    if chosen is None:
        known = ", ".join(FORMAT_OF_SUFFIX)
        message = f"{target}: the suffix names no report format; use one of {known}"
        raise SettingsError(message)
    text = render(document, chosen, width=TEXT_WIDTH, verbose=True)
    _replace(target, text.encode("utf-8", errors="backslashreplace"))
    return target


def _replace(target: Path, data: bytes) -> None:
    # A file beside the target is renamed over it: a full disk or a kill leaves the old report.
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        _fill(handle, data)
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101  mkstemp makes it private
        Path(temporary).replace(target)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror or error}") from error  # noqa: EM102, TRY003
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _fill(handle: int, data: bytes) -> None:
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
