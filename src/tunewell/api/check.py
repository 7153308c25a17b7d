"""`check`: faults in data, settings and model, before anything is trained."""

from __future__ import annotations

from tunewell.api.documents import build
from tunewell.api.gather import Gathered, Given, gather
from tunewell.core.document import Document
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.fixes.files import apply_fixes

FAMILIES = (
    "data",
    "fit",
    "hyperparameters",
    "hardware",
    "metrics",
    "errors",
)
"""Every family but `adaptation`, which compares two sets of data or two models."""


def check(
    given: Given, settings: Settings, *, fix: bool = False, unsafe_fixes: bool = False
) -> tuple[Document, tuple[str, ...]]:
    """Run every check for which the paths hold what it needs.

    Returns:
        The document, and a line for each file that `fix` wrote.

    Raises:
        InputError: if a named path is missing or cannot be read at all.
        SettingsError: if the settings cannot be used.
    """
    gathered = gather(given, settings)
    document = examined_document("check", gathered, settings)
    written: tuple[str, ...] = ()
    if fix and gathered.dataset is not None:
        applied = apply_fixes(document.findings, gathered.dataset, unsafe=unsafe_fixes)
        written = applied.lines
    return document, written


def examined_document(command: str, gathered: Gathered, settings: Settings) -> Document:
    """The document of the checks over what was gathered."""
    outcomes = examine(
        gathered.subjects, settings=settings, families=FAMILIES, missing=gathered.missing
    )
    return build(
        command,
        outcomes,
        title=gathered.title,
        examined=gathered.examined,
        sections=gathered.sections,
    )
