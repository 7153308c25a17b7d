"""The run of one call: which of those that lie there is taken, and what is read of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tunewell.api.evaluations import predictions_in
from tunewell.api.gathered import Gathered
from tunewell.api.given import Given
from tunewell.api.run_sections import of_run
from tunewell.api.sections import confusion_matrix
from tunewell.core.document import Examined
from tunewell.core.errors import InputError
from tunewell.core.words import counted
from tunewell.readers.completions import find_completions, read_completions
from tunewell.readers.label_sets import read_label_sets
from tunewell.readers.log_text import LAST_BYTES, read_log_text, text_of
from tunewell.readers.logs import find_runs, format_names, newest_first, pick
from tunewell.readers.logs.hugging_face import NAME as HUGGING_FACE
from tunewell.readers.logs.logged_run import LoggedRun, RunParts
from tunewell.readers.logs.text_log import PASTED, pasted_trace
from tunewell.readers.logs.tunewell_folder import NAME as TUNEWELL
from tunewell.readers.predictions import read_predictions
from tunewell.readers.recognise import Found

BEFORE_TRAINING = frozenset({TUNEWELL, HUGGING_FACE})
"""What `check` looks into as well; the logs of other tools are read by `diagnose`."""


def read_runs(gathered: Gathered, roles: list[Found], given: Given) -> None:
    """Add the run, its predictions and the printed text, as far as they are there.

    Raises:
        InputError: if the run that is asked for is not there, or a named log cannot be read.
    """
    texts = _texts(roles)
    found = _runs(roles, given)
    taken: Path | None = None
    if given.pasted is not None:
        _read_pasted(gathered, given, with_run=not found)
    if found:
        taken = _read(gathered, found, given)
    elif texts and given.every_log:
        _read_printed(gathered, texts[0], given)
    elif given.run is not None and given.pasted is None:
        message = f"{given.first}: holds no run, so that there is none called {given.run!r}"
        raise InputError(message)
    _read_predictions(gathered, roles, given, taken)
    if taken is not None:
        _read_completions(gathered, taken)
    if texts and given.pasted is None:
        gathered.subjects.append(read_log_text(texts[0]))


def _texts(roles: list[Found]) -> list[Path]:
    """The printed logs; a file named with --log is one unless it is the log of a tool."""
    named = [f.path for f in roles if f.role == "log" and f.named and not _of_a_tool(f.path)]
    return named + [found.path for found in roles if found.role == "text-log"]


def _of_a_tool(path: Path) -> bool:
    return path.is_dir() or path.suffix in {".json", ".jsonl", ".csv"}


def _runs(roles: list[Found], given: Given) -> Sequence[LoggedRun]:
    """The runs of all logs, the newest first: those the watcher saw count alone if there are any.

    They are of the same trainings as the logs beside them, and know more.
    """
    logs = [f for f in roles if f.role == "log" and (not f.named or _of_a_tool(f.path))]
    places = [f.path for f in roles if f.role == "run"] or [found.path for found in logs]
    if not given.every_log:
        # Tables and printed logs would be read whole, only to be left out.
        places = [place for place in places if place.is_dir() or place.suffix == ".json"]
    found = newest_first(places)
    named = [entry.path for entry in logs if entry.named]
    if not found and named:
        message = f"{named[0]}: holds no run in a format that is known ({format_names()})"
        raise InputError(message)
    if given.every_log:
        return found
    return [run for run in found if run.format in BEFORE_TRAINING]


def _read(gathered: Gathered, found: Sequence[LoggedRun], given: Given) -> Path:
    """The newest run, or the one asked for; where it lies."""
    chosen = pick(tuple(found), given.first, given.run)
    note = ""
    if len(found) > 1:
        how = "given with --run" if given.run is not None else "the newest"
        other = next(run.name for run in found if run is not chosen)
        note = (
            f"{chosen.name}, {how} of {counted(len(found), 'run')}; "
            f"--run NAME takes another, such as {other}"
        )
        gathered.examined.append(Examined(what="run", path=str(chosen.path), reason=note))
    _take(gathered, chosen.read(), note)
    return chosen.path


def _read_printed(gathered: Gathered, text: Path, given: Given) -> None:
    found = find_runs(text)
    if found:
        _read(gathered, found, given)
    elif given.run is not None:
        message = f"{text}: holds no run, so that there is none called {given.run!r}"
        raise InputError(message)


def _read_pasted(gathered: Gathered, given: Given, *, with_run: bool) -> None:
    """A text that came through standard input: its values if there is no other run, its errors."""
    content = given.pasted or b""
    note = ""
    trace = pasted_trace(content, given.run) if with_run and content.strip() else None
    if trace is not None:
        if trace.name != PASTED.name:
            number = trace.name.rpartition(":")[2]
            note = f"run {number} of several in it; --run NUMBER takes another"
        _take(gathered, (trace, None), note)
    reason = "; ".join(filter(None, ("read through -", note)))
    gathered.examined.append(Examined(what="text-log", path=str(PASTED), reason=reason))
    cut = len(content) > LAST_BYTES
    gathered.subjects.append(text_of(content[-LAST_BYTES:], None, cut=cut))


def _take(gathered: Gathered, parts: RunParts, note: str = "") -> None:
    trace, state = parts
    gathered.subjects.append(trace)
    gathered.sections += of_run(trace, note=note)
    if state is not None:
        gathered.subjects.append(state)


def _read_predictions(
    gathered: Gathered, roles: list[Found], given: Given, run: Path | None
) -> None:
    predictions = next((f.path for f in roles if f.role == "predictions"), None)
    if predictions is None:
        folders = [f.path for f in roles if f.role in {"run", "log"} and f.path.is_dir()]
        held = (predictions_in(folder) for folder in folders[:1] if run is not None)
        predictions = next((path for path in held if path is not None), None)
    if predictions is None:
        return
    several = read_label_sets(predictions)
    if several is not None:
        gathered.subjects.append(several)
        return
    evaluation = read_predictions(predictions, text=given.text, label=given.label)
    gathered.subjects.append(evaluation)
    gathered.sections.append(confusion_matrix(evaluation))


def _read_completions(gathered: Gathered, run: Path) -> None:
    """The answers that a trainer kept beside its log."""
    folder = find_completions(run)
    if folder is None:
        return
    try:
        kept = read_completions(folder)
    except InputError as error:
        gathered.missing["Completions"] = str(error)
        return
    gathered.subjects.append(kept)
    gathered.examined.append(
        Examined(what="answers", path=str(folder), reason="kept by TRL with log_completions")
    )
