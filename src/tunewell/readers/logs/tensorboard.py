"""TensorBoard's event files: every scalar point, and the settings that were logged as text.

A folder is a run, as in TensorBoard; several files in one are parts of one run, in the order of the
times in their names. Folders that a writer made for a part of its run belong to the run above:
`train` and `validation` of Keras, `eval` of estimators, those of `add_scalars` and `add_hparams`.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tunewell.readers.logs.chronicle import Chronicle
from tunewell.readers.logs.event_message import Event, Hparams, Scalar, Text, values
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.names import EVALUATION, TEST, TRAINING
from tunewell.readers.logs.tfrecord import records
from tunewell.readers.logs.tracker_trace import TrackedRun, literal

NAME = "TensorBoard event files"
EVENTS = "tfevents"
STAMP = re.compile(r"tfevents\.(\d+)")
DEEPEST = 3
"""Folders below the one given: `runs/<date>_<host>`, `lightning_logs/version_0`."""

MOST_FOLDERS = 2000
HPARAMS_FOLDER = re.compile(r"\d{9,}\.\d+$")
"""`add_hparams` names its folder by the time."""

SETTINGS = ("model_config", "config", "hparams", "hyperparameters", "training_args", "args")
"""Texts that hold settings, later ones stronger. Hugging Face's are `model_config` and `args`."""

TEXT_ENDING = "/text_summary"
HEAD = struct.Struct("<BdB")
WALL_TIME, STEP = 0x09, 0x10
"""The first bytes of these fields in an event."""

LARGEST_STEP = 1 << 63

FLOAT = struct.Struct("<f")


def find(path: Path) -> Sequence[LoggedRun]:
    """The runs below a folder, or the one of an event file, the newest first."""
    if path.is_file():
        if EVENTS not in path.name:
            return []
        parts, names = {path.parent: {_own_side(path.parent): [path]}}, {path.parent: path.name}
    else:
        parts = _runs(path)
        names = {run: str(run.relative_to(path)) for run in parts}
        names |= {path: path.resolve().name} if path in parts else {}
    found = [
        LoggedRun(
            name=names[run],
            path=path if path.is_file() else run,
            format=NAME,
            when=max(file.stat().st_mtime for files in sides.values() for file in files),
            read=partial(_read, path if path.is_file() else run, names[run], sides),
        )
        for run, sides in parts.items()
    ]
    return sorted(found, key=lambda run: run.when, reverse=True)


def _runs(path: Path) -> dict[Path, dict[str, list[Path]]]:
    """Event files by run and by what stands before their tags."""
    folders = dict(_folders(path))
    found: dict[Path, dict[str, list[Path]]] = {}
    for folder, files in folders.items():
        above = folder.parent
        run, side = above, ""
        if folder == path:
            run, side = folder, _own_side(folder)
        elif _side(folder) and _has_training(above, folders):
            side = _own_side(folder)
        elif above not in folders:
            run = folder
        elif tag := _added(folder, files):
            side = f"={tag}"
        elif not HPARAMS_FOLDER.match(folder.name):
            run = folder
        found.setdefault(run, {}).setdefault(side, []).extend(files)
    return found


def _side(folder: Path) -> bool:
    return folder.name in TRAINING or folder.name in EVALUATION or folder.name == TEST


def _own_side(folder: Path) -> str:
    """What stands before the tags of a folder that holds the evaluation of a run."""
    return f"{folder.name}/" if _side(folder) and folder.name not in TRAINING else ""


def _has_training(above: Path, folders: dict[Path, list[Path]]) -> bool:
    return above in folders or any(above / name in folders for name in TRAINING)


def _folders(path: Path) -> Iterator[tuple[Path, list[Path]]]:
    """The folders that hold event files, and those, the oldest first."""
    waiting = [(path, 0)]
    for _ in range(MOST_FOLDERS):
        if not waiting:
            return
        folder, depth = waiting.pop(0)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        files = [Path(entry.path) for entry in entries if EVENTS in entry.name and entry.is_file()]
        if files:
            yield folder, sorted(files, key=_stamp)
        if depth < DEEPEST:
            waiting += [
                (Path(entry.path), depth + 1)
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]


def _stamp(file: Path) -> tuple[int, str]:
    told = STAMP.search(file.name)
    return (int(told.group(1)) if told else 0, file.name)


def _added(folder: Path, files: Sequence[Path]) -> str | None:
    """What `add_scalars` called the value that it put into a folder of its own."""
    for number, event in enumerate(_events(files[0])):
        for value in event.values:
            start = value.tag.replace("/", "_") + "_"
            if isinstance(value, Scalar) and folder.name.startswith(start):
                return folder.name.removeprefix(start)
            return None
        if number > 1:
            return None
    return None


def _events(file: Path) -> Iterator[Event]:
    for record in records(file):
        yield values(record)


def _read(path: Path, name: str, sides: dict[str, list[Path]]) -> RunParts:
    run = TrackedRun(NAME, path, name)
    texts: dict[str, dict[str, Any]] = {}
    at = 0
    for side, files in sides.items():
        newest = -math.inf
        for file in files:
            part = _Part(run.chronicle, side, at, newest)
            part.read(file)
            at, newest = part.at, part.newest
            texts |= part.texts
            run.settings |= part.hparams
    for tag in SETTINGS:
        run.settings |= texts.get(tag, {})
    return run.trace(), None


class _Part:
    """One event file on its way into a chronicle."""

    def __init__(self, chronicle: Chronicle, side: str, at: int, newest: float) -> None:
        self.chronicle = chronicle
        self.side = side
        self.at = at
        self.newest = newest
        self.texts: dict[str, dict[str, Any]] = {}
        self.hparams: dict[str, Any] = {}

    def read(self, file: Path) -> None:
        """Take all points of the file."""
        before, first = self.newest, True
        known: dict[bytes, str] = {}
        for record in records(file):
            self.at += 1
            if first:
                first = False
                if -math.inf < before < values(record).time:
                    self.chronicle.session(self.at)
            if not self._plain(record, known):
                self._other(record, known)

    def _plain(self, record: bytes, known: dict[bytes, str]) -> bool:
        """Take an event that holds one scalar of a tag that was seen before, without parsing it.

        Such events differ in time, step and the four bytes at the end alone.
        """
        head = _head(record)
        if head is None:
            return False
        time, step, place = head
        tag = known.get(record[place : -FLOAT.size])
        if tag is None:
            return False
        stream = self.chronicle.stream(tag)
        stream.steps.append(step)
        stream.values.append(FLOAT.unpack_from(record, len(record) - FLOAT.size)[0])
        stream.times.append(time)
        stream.at.append(self.at)
        self.newest = max(self.newest, time)
        return True

    def _other(self, record: bytes, known: dict[bytes, str]) -> None:
        event = values(record)
        self.newest = max(self.newest, event.time)
        if event.started:
            self.chronicle.restart(self.at, event.step)
        for value in event.values:
            if isinstance(value, Scalar):
                name = self._name(value.tag)
                self.chronicle.put(name, event.step, value.value, time=event.time, at=self.at)
                if len(event.values) == 1 and (head := _head(record)) and _plain(record):
                    known[record[head[2] : -FLOAT.size]] = name
            elif isinstance(value, Text):
                told = literal(value.text)
                if isinstance(told, dict):
                    self.texts[value.tag.removesuffix(TEXT_ENDING)] = told
            elif isinstance(value, Hparams):
                self.hparams |= value.values

    def _name(self, tag: str) -> str:
        return f"{tag}/{self.side[1:]}" if self.side.startswith("=") else f"{self.side}{tag}"


def _head(record: bytes) -> tuple[float, int, int] | None:
    """Time and step of an event, and the place after them; None where it begins otherwise."""
    if len(record) < HEAD.size + FLOAT.size:
        return None
    mark, time, next_mark = HEAD.unpack_from(record)
    if mark != WALL_TIME:
        return None
    if next_mark != STEP:
        return time, 0, HEAD.size - 1
    step = shift = 0
    for place in range(HEAD.size, len(record)):
        byte = record[place]
        step |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (time, step, place + 1) if step < LARGEST_STEP else None
    return None


def _plain(record: bytes) -> bool:
    """Whether an event of one scalar ends with its value: other bytes there give another value."""
    for other in (1.5, -2.5):
        changed = values(record[: -FLOAT.size] + FLOAT.pack(other)).values
        if [value.value for value in changed if isinstance(value, Scalar)] != [other]:
            return False
    return True


FORMAT = LogFormat(NAME, find)
