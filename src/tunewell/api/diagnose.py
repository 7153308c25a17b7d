"""`diagnose`: what went wrong in a run, from the logs that are already there."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from tunewell.api.check import examined_document
from tunewell.api.gather import gather
from tunewell.api.given import Given
from tunewell.core.document import Document
from tunewell.core.errors import InputError
from tunewell.engine.settings import Settings
from tunewell.readers.logs import format_names
from tunewell.readers.logs.text_log import PASTED
from tunewell.subjects.evaluation import Evaluation
from tunewell.subjects.label_sets import LabelSets
from tunewell.subjects.log_text import LogText
from tunewell.subjects.trace import Trace


def diagnose(given: Given, settings: Settings) -> Document:
    """Run every check over a run and whatever else the paths hold.

    Raises:
        InputError: if the paths hold no run, no predictions and no log.
        SettingsError: if the settings cannot be used.
    """
    gathered = gather(replace(given, every_log=True), settings)
    if not any(isinstance(s, Trace | Evaluation | LabelSets | LogText) for s in gathered.subjects):
        named = ", ".join(str(path) for path in given.paths) or str(PASTED)
        message = (
            f"{named}: no run was found here. diagnose reads, as a file or in a folder: "
            f"{format_names()}; predictions; an error message or log as text, also through -"
        )
        raise InputError(message)
    document = examined_document("diagnose", gathered, settings)
    text_alone = not any(isinstance(s, Trace | Evaluation | LabelSets) for s in gathered.subjects)
    if text_alone and not document.findings:
        nothing = "The text shows no values of a training and no error that ended it."
        return msgspec.structs.replace(document, verdict=nothing)
    return document
