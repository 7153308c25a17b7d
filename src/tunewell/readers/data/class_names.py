"""The list of class names that often lies beside a data file, in the order of their numbers."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from tunewell.subjects.remote import RemotePath

LISTS = (
    "categories.json",
    "labels.json",
    "label_names.json",
    "class_names.json",
    "classes.json",
    "id2label.json",
    "labels.txt",
    "label_names.txt",
    "class_names.txt",
    "classes.txt",
    "emotions.txt",
)
LARGEST = 1_000_000
"""Bytes. A longer file is no list of class names."""


def names_beside(path: Path, labels: Collection[str]) -> tuple[str, ...]:
    """Class names in order, from a list beside the data that fits its labels; () where none does.

    A list fits labels that are numbers if it has a name for each, and labels that are names if it
    has just these.
    """
    if not labels or isinstance(path, RemotePath):
        return ()  # a store is asked for nothing that was not named
    folder = path if path.is_dir() else path.parent
    numbers = all(label.isdigit() for label in labels)
    for name in LISTS:
        names = _read(folder / name)
        if len(set(names)) != len(names) or len(names) < 2:  # noqa: PLR2004  a list of one says nothing
            continue
        if set(labels) == set(names):
            return names
        # Numbers that stop halfway through a list belong to some other data.
        if numbers and len(names) // 2 < max(map(int, labels)) < len(names):
            return names
    return ()


def _read(path: Path) -> tuple[str, ...]:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return ()
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".txt":
            return tuple(line.strip() for line in text.splitlines() if line.strip())
        value = json.loads(text)
        if isinstance(value, dict) and all(str(key).isdigit() for key in value):
            value = [value[key] for key in sorted(value, key=int)]
    except (OSError, ValueError):
        return ()  # a file that is no list of names is none of our business
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return ()
