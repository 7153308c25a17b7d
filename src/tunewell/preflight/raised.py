"""An exception of the user's program as plain data, with the line of the user's own that raised."""

from __future__ import annotations

import linecache
import sys
import sysconfig
import traceback
from pathlib import Path

import tunewell
from tunewell.subjects.first_step import Raised

INSTALLED = tuple(
    {
        sysconfig.get_paths()["purelib"],
        sysconfig.get_paths()["platlib"],
        sysconfig.get_paths()["stdlib"],
        str(Path(tunewell.__file__).parent),
        sys.base_prefix,
    }
)
"""Folders whose files are not the user's."""


def raised(error: BaseException) -> Raised:
    """What was raised, and where in the user's files."""
    text = " ".join(str(error).split())
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((*INSTALLED, "<"))
    ]
    if not frames:
        return Raised(type(error).__name__, text)
    last = frames[-1]
    return Raised(
        kind=type(error).__name__,
        text=text,
        file=last.filename,
        line=last.lineno,
        code=linecache.getline(last.filename, last.lineno or 0).strip(),
    )
