"""What the user set for the checks, in tunewell.toml or under [tool.tunewell] in pyproject.toml."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from tunewell.core.errors import SettingsError
from tunewell.core.finding import Confidence, Severity
from tunewell.facts.data_engine import Engine

FILE_NAME, PROJECT = "tunewell.toml", "pyproject.toml"


class Suppression(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One narrow exception. `where` is matched against the finding's places; `until` is a date."""

    check: str
    reason: str
    where: str = ""
    until: dt.date | None = None


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which files are which, relative to the settings file, and which columns to take."""

    train: str | None = None
    eval: str | None = None
    test: str | None = None
    text: str | None = None
    label: str | None = None


Remedy = Literal["skip", "lower-rate", "stop", "off"]


class GuardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How `tunewell train --guard` recovers; whether it does is said on the command line alone."""

    out_of_memory: bool = True
    not_finite: Remedy = "skip"
    spike: Remedy = "skip"
    overfitting: int = 2
    most: int = 10


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one call. `recipe` is read by `tunewell.readers.recipes`."""

    select: tuple[str, ...] = ()
    ignore: dict[str, str] = {}
    severity: dict[str, Severity] = {}
    checks: dict[str, dict[str, Any]] = {}
    suppress: tuple[Suppression, ...] = ()
    pedantic: bool = False
    fail_on: Severity = Severity.ERROR
    fail_confidence: Confidence = Confidence.HIGH
    engine: Engine = Engine.NATIVE
    data: DataSettings = DataSettings()
    guard: GuardSettings = GuardSettings()
    recipe: dict[str, Any] = {}
    file: Path | None = None


def load(start: Path) -> Settings:
    """Settings from the folder `start` (or its file's folder); defaults where there are none.

    A `start` that is a TOML file of another name than pyproject.toml holds the settings itself.

    Raises:
        SettingsError: if the file is not TOML, or a key or value in it is not known.
    """
    if start.suffix == ".toml" and start.name != PROJECT and start.is_file():
        return _parse(start, _toml(start))
    folder = start if start.is_dir() else start.parent
    path = folder / FILE_NAME
    if path.is_file():
        return _parse(path, _toml(path))
    project = folder / PROJECT
    if project.is_file():
        table = _toml(project).get("tool", {}).get("tunewell")
        if table is not None:
            return _parse(project, table)
    return Settings()


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path}: not valid TOML: {error}"
        raise SettingsError(message) from None
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise SettingsError(message) from None


def _parse(path: Path, table: dict[str, Any]) -> Settings:
    try:
        settings = msgspec.convert(table, type=Settings)
    except msgspec.ValidationError as error:
        message = f"{path}: {error}"
        raise SettingsError(message) from None
    for code, reason in settings.ignore.items():
        if not reason.strip():
            message = f'{path}: ignore needs a reason: ignore = {{ {code} = "why" }}'
            raise SettingsError(message)
    return msgspec.structs.replace(settings, file=path)
