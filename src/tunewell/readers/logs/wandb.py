"""Runs that W&B left on this machine, and histories that were exported from its server.

A folder `wandb` holds one folder for each start of a run, `offline-run-<time>-<id>` or
`run-<time>-<id>`; those of one id are parts of one run, in the order of their times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tunewell.readers.logs.history_rows import HistoryRows
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts, told_apart
from tunewell.readers.logs.peek import entries
from tunewell.readers.logs.tracker_trace import TrackedRun
from tunewell.readers.logs.wandb_export import find_export
from tunewell.readers.logs.wandb_file import display_name, is_wandb_file, read_wandb_file

NAME = "W&B run"
SUFFIX = ".wandb"
RUN_FOLDER = re.compile(r"(offline-)?run-(?P<time>\d{8}_\d{6})-(?P<id>.+)$")
INSIDE = "wandb"
"""The folder that wandb makes where a script was started, or in WANDB_DIR."""


def find(path: Path) -> Sequence[LoggedRun]:
    """The runs in a folder of W&B's, in one around it, in a file, or in an exported history."""
    if path.is_file():
        if path.suffix != SUFFIX:
            return find_export(path)
        files = [path] if is_wandb_file(path) else []
    else:
        folders = [path] if RUN_FOLDER.match(path.name) else [path, path / INSIDE]
        files = [file for folder in folders for file in _files(folder)]
    by_id: dict[str, list[Path]] = {}
    for file in sorted(files, key=_started):
        by_id.setdefault(file.stem.removeprefix("run-"), []).append(file)
    shown = {id_: display_name(parts[-1]) or id_ for id_, parts in by_id.items()}
    names = told_apart(shown)
    found = [
        LoggedRun(
            name=names[id_],
            path=parts[-1],
            format=NAME,
            when=max(file.stat().st_mtime for file in parts),
            read=partial(_read, parts, shown[id_]),
        )
        for id_, parts in by_id.items()
    ]
    return sorted(found, key=lambda run: run.when, reverse=True)


def _files(folder: Path) -> list[Path]:
    """The files of runs in a folder and in its run folders; the link to the latest adds none."""
    found = []
    for entry in entries(folder):
        if entry.suffix == SUFFIX and entry.is_file():
            found.append(entry)
        elif RUN_FOLDER.match(entry.name) and entry.is_dir() and not entry.is_symlink():
            found += [file for file in entries(entry) if file.suffix == SUFFIX]
    return [file for file in found if is_wandb_file(file)]


def _started(file: Path) -> tuple[str, float]:
    told = RUN_FOLDER.match(file.parent.name)
    return (told["time"] if told else "", file.stat().st_mtime)


def _read(parts: Sequence[Path], name: str) -> RunParts:
    run = TrackedRun(NAME, parts[-1], name)
    rows = HistoryRows(run.chronicle)
    for count, file in enumerate(parts):
        if count:
            rows.session()
        told = read_wandb_file(file, rows)
        run.settings |= told.config or _config(file.parent / "files" / "config.yaml")
        run.summary |= told.summary or _summary(file.parent / "files" / "wandb-summary.json")
        run.finished = told.exit_code == 0
    run.settings.pop("_wandb", None)
    return run.trace(), None


def _config(file: Path) -> dict[str, Any]:
    """The configuration that an online run keeps as text, each value under `value`."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - slow to import, and seldom needed
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        told = YAML(typ="safe").load(file)
    except (OSError, YAMLError, ValueError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {
        str(key): kept["value"]
        for key, kept in told.items()
        if isinstance(kept, dict) and "value" in kept
    }


def _summary(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


FORMAT = LogFormat(NAME, find)
