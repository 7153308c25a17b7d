"""`check`: faults in data, settings and model, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from tunewell.api.fix_settings import fix_settings
from tunewell.api.gather import gather
from tunewell.api.gathered import Gathered
from tunewell.api.given import Given
from tunewell.api.planning.decided import decide
from tunewell.api.rehearsed import rehearse_files, with_seconds
from tunewell.core.document import Document, Examined
from tunewell.core.words import counted
from tunewell.engine.documents import build
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.facts.data_engine import use
from tunewell.fixes.files import apply_fixes

FAMILIES = (
    "data",
    "fit",
    "hyperparameters",
    "hardware",
    "metrics",
    "errors",
    "adaptation",
)
"""Every family. The checks of `adaptation` that compare two sets of data or two models say, in a
plain `check`, what to pass to run them."""

REHEARSED = (*FAMILIES, "adaptation")
"""Those of a rehearsal, in which a copy is saved and loaded again."""

FILES_TOLD = 3


def check(
    given: Given,
    settings: Settings,
    *,
    fix: bool = False,
    unsafe_fixes: bool = False,
    rehearse: bool = True,
    show_mask: int = 0,
) -> tuple[Document, tuple[str, ...]]:
    """Run every check for which the paths hold what it needs.

    Args:
        given: what the user passed.
        settings: selection and thresholds.
        fix: write repaired copies.
        unsafe_fixes: with `fix`, also what changes the learning.
        rehearse: build and rehearse the trainer where the files describe one of TRL.
        show_mask: rows to show as tokens, trained and not.

    Returns:
        The document, and a line for each file that `fix` wrote.

    Raises:
        InputError: if a named path is missing or cannot be read at all.
        SettingsError: if the settings cannot be used.
        MissingExtraError: if the settings ask for Ray and it is not installed.
    """
    use(settings.engine)
    gathered = gather(given, settings)
    seconds = rehearse_files(gathered, show_mask=show_mask) if rehearse else {}
    decide(gathered)
    families = REHEARSED if seconds else FAMILIES
    document = with_seconds(
        examined_document("check", gathered, settings, families=families), seconds
    )
    written: tuple[str, ...] = ()
    if fix and gathered.dataset is not None:
        written = apply_fixes(document.findings, gathered.dataset, unsafe=unsafe_fixes).lines
    if fix:
        written += fix_settings(document.findings, settings.file, unsafe=unsafe_fixes)
    return document, written


def examined_document(
    command: str,
    gathered: Gathered,
    settings: Settings,
    *,
    families: tuple[str, ...] = FAMILIES,
) -> Document:
    """The document of the checks over what was gathered."""
    outcomes = examine(
        gathered.subjects,
        settings=settings,
        families=families,
        missing=gathered.missing,
        inapplicable=gathered.inapplicable,
    )
    document = build(
        command,
        outcomes,
        title=gathered.title,
        examined=gathered.examined,
        sections=gathered.sections,
    )
    if document.checks_looked:
        return document
    return msgspec.structs.replace(document, verdict=_nothing_checked(gathered.examined))


def _nothing_checked(examined: Sequence[Examined]) -> str:
    """Why no check looked, and what to pass."""
    unknown = [thing for thing in examined if thing.what == "unknown"]
    if not unknown:
        held = " and ".join(sorted({f"a {thing.what}" for thing in examined})) or "nothing"
        return (
            f"Nothing could be checked: {held} alone is not enough. Pass training data with "
            "--train FILE, or see --verbose for what each check needs."
        )
    told = "; ".join(f"{Path(thing.path).name}: {thing.reason}" for thing in unknown[:FILES_TOLD])
    rest = len(unknown) - FILES_TOLD
    more = f"; and {counted(rest, 'more file')}" if rest > 0 else ""
    return (
        f"Nothing could be checked: no file was taken for training data ({told}{more}). "
        "Name it with --train FILE."
    )
