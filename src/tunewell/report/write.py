"""Write the document to a file whose name says the format."""

from __future__ import annotations

from pathlib import Path

from tunewell.core.atomic import write_whole
from tunewell.core.document import Document
from tunewell.core.errors import SettingsError
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
    write_whole(target, text.encode("utf-8", errors="backslashreplace"))
    return target
