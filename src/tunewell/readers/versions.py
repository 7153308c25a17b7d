"""Which versions of the training libraries are in force: installed here, or else pinned."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from tunewell.knowledge.renames import LIBRARIES
from tunewell.subjects.versions import Versions

FILES = ("requirements.txt", "pyproject.toml")
PIN = re.compile(
    r"^\s*([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*={2,3}\s*([0-9][0-9A-Za-z.]*)\s*(?:[;#].*)?$"
)


def read_versions(folder: Path | None = None) -> Versions:
    """The installed versions; of a library that is not installed, the one a project file pins.

    Args:
        folder: where requirements.txt or pyproject.toml may lie. Only exact pins ("==") count.
    """
    numbers: dict[str, str] = {}
    pinned: set[str] = set()
    pins = dict(_pins(folder)) if folder is not None else {}
    for library in LIBRARIES:
        try:
            numbers[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            if library in pins:
                numbers[library] = pins[library]
                pinned.add(library)
    return Versions(numbers, frozenset(pinned))


def _pins(folder: Path) -> Iterator[tuple[str, str]]:
    for name in FILES:
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        lines = text.splitlines() if name.endswith(".txt") else _dependencies(text)
        for line in lines:
            pin = PIN.match(line)
            if pin is not None:
                yield pin[1].casefold().replace("_", "-"), pin[2]


def _dependencies(text: str) -> list[str]:
    try:
        project = tomllib.loads(text).get("project", {})
    except tomllib.TOMLDecodeError:
        return []  # whoever reads the settings in it says what is wrong
    named = project.get("dependencies", []) if isinstance(project, dict) else []
    return [str(each) for each in named] if isinstance(named, list) else []
