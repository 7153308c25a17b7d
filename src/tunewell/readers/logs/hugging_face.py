"""Where a Hugging Face Trainer leaves its log: the file, a checkpoint, an output folder.

Of an output folder all checkpoints are looked into, and what other logs of the same run lie there
(TensorBoard, LLaMA-Factory, printed lines) is joined to it: a run that was killed is known there
beyond its last checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from tunewell.core.errors import InputError
from tunewell.readers.logs import llamafactory, mlflow, tensorboard, text_log, trackio, wandb
from tunewell.readers.logs.beside import results_beside, settings_beside
from tunewell.readers.logs.columns import SUMMARY
from tunewell.readers.logs.joined import EXACT, PRINTED, agreement, join, with_lost_part
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.trainer_state import STATE, find_state, read_trainer_state
from tunewell.readers.logs.trainer_states import Family, adds, families, is_unreadable
from tunewell.subjects.trace import Trace

NAME = "Hugging Face trainer_state.json"

COMPANIONS: tuple[LogFormat, ...] = (
    wandb.FORMAT,
    mlflow.FORMAT,
    trackio.FORMAT,
    tensorboard.FORMAT,
    llamafactory.FORMAT,
    text_log.FORMAT,
)
"""What else may be logged in an output folder, the most exact first."""

MOST_COMPANIONS = 8


def find(path: Path) -> Sequence[LoggedRun]:
    """The runs that left a trainer_state.json; any other JSON file is read as one too."""
    if path.is_file() and path.suffix != ".json":
        return []
    known = families(path) if path.is_dir() and not (path / STATE).is_file() else []
    if path.is_dir() and (path / STATE).is_file() and not path.name.startswith("checkpoint-"):
        known = families(path)
    if known:
        return [
            LoggedRun(
                name=path.name if at == 0 else f"{path.name}/{family.head.file.parent.name}",
                path=family.head.file,
                format=NAME,
                when=family.when,
                read=partial(_of_folder, path, family, current=at == 0),
            )
            for at, family in enumerate(known)
        ]
    file = find_state(path)
    if file is None:
        return []
    return [
        LoggedRun(
            name=path.name if path.is_dir() else path.parent.name,
            path=file,
            format=NAME,
            when=file.stat().st_mtime,
            read=partial(_read, path),
        )
    ]


def is_damaged(run: LoggedRun) -> bool:
    """Whether a run is a trainer_state.json that cannot be read."""
    return run.format == NAME and is_unreadable(run.path)


def _read(path: Path) -> RunParts:
    return read_trainer_state(path), None


def _of_folder(folder: Path, family: Family, *, current: bool) -> RunParts:
    """The run of a folder; `current` for the one whose files lie beside the checkpoints now."""
    trace = read_trainer_state(family.head.file)
    own = {
        int(file.parent.name.rpartition("-")[2]) for file in family.files if file.parent != folder
    }
    trace = replace(trace, saved_steps=tuple(step for step in trace.saved_steps if step in own))
    for saved in adds(family):
        trace = _joined(trace, read_trainer_state(saved.file))
    if current:
        for other in _companions(folder):
            trace = _joined(trace, other)
        results = {k: v for k, v in results_beside(folder).items() if k in SUMMARY}
        trace = replace(
            trace,
            settings=MappingProxyType({**settings_beside(folder, _ARGUMENTS), **trace.settings}),
            summary=MappingProxyType({**results, **trace.summary}),
        )
    return trace, None


_ARGUMENTS = ("training_args.yaml",)


def _companions(folder: Path) -> list[Trace]:
    found: list[Trace] = []
    for format_ in COMPANIONS:
        for run in list(format_.find(folder))[:MOST_COMPANIONS]:
            try:
                found.append(run.read()[0])
            except InputError:
                continue  # what lies beside the log and is damaged takes nothing from it
    return found


def _joined(trace: Trace, other: Trace) -> Trace:
    printed = other.source.startswith(text_log.NAME)
    fits = agreement(trace, other, tolerance=PRINTED if printed else EXACT)
    if fits.same or _continues(trace, other):
        return join(trace, other)
    if fits.until is not None and not printed:
        return with_lost_part(trace, other, fits.until)
    return trace


def _continues(trace: Trace, other: Trace) -> bool:
    """Whether `other` is of the same file format and ends before `trace` begins: a cut history."""
    first = min((int(c.steps[0]) for c in trace.columns.values() if len(c)), default=0)
    return other.source == NAME and 0 < other.last_step < first


FORMAT = LogFormat(NAME, find)
