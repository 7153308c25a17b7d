"""What the user passed, and the role of each path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tunewell.core.errors import InputError, SettingsError
from tunewell.engine.settings import Settings, load
from tunewell.readers.locations import locate
from tunewell.readers.recognise import Found, recognise
from tunewell.subjects.augmenter import Augmenter
from tunewell.subjects.remote import RemotePath

DATA_ROLES = ("train", "eval", "test")
TOML = ".toml"


@dataclass(frozen=True, slots=True)
class Given:
    """What the user passed: paths to be recognised, and paths whose role was named.

    Patterns and addresses are files already (`readers.locations`), so a split may be several.
    `run` names one of several runs. `pasted` is a log that came through standard input. With
    `every_log` the logs of all tools are read, as `diagnose` does.
    """

    paths: tuple[Path, ...] = ()
    train: tuple[Path, ...] = ()
    evaluation: tuple[Path, ...] = ()
    test: tuple[Path, ...] = ()
    config: Path | None = None
    model: str | None = None
    log: Path | None = None
    predictions: Path | None = None
    text: str | None = None
    label: str | None = None
    hub: bool = False
    benchmark: Path | None = None
    probabilities: Path | None = None
    script: Path | None = None
    augmenter: Augmenter | None = None
    run: str | None = None
    pasted: bytes | None = None
    every_log: bool = False

    @property
    def first(self) -> Path:
        """The path that the call is about; the working folder where none was passed."""
        named = (*self.paths, *self.train, self.log, self.recipe_file, self.script)
        return next((p for p in named if p is not None), Path())

    @property
    def recipe_file(self) -> Path | None:
        """A configuration of another program that was passed where settings can be."""
        config = self.config
        return config if config is not None and config.suffix != TOML else None

    def settings(self) -> Settings:
        """The settings that belong to these paths."""
        own = self.config if self.recipe_file is None else None
        if self.recipe_file is not None and not self.recipe_file.is_file():
            message = f"{self.recipe_file}: no such file"
            raise InputError(message)
        return settings_near(self.first, own)


def settings_near(path: Path, config: Path | None = None) -> Settings:
    """The settings of a folder or of a file's folder; for a remote file, of the working folder.

    Raises:
        InputError: if the path or the settings file is not there.
        SettingsError: if the settings cannot be used.
    """
    for needed in (path, config):
        if needed is not None and not needed.exists():
            message = f"{needed}: no such file or folder"
            raise InputError(message)
    require_own(config)
    return load(config or (Path() if isinstance(path, RemotePath) else path))


def require_own(config: Path | None) -> None:
    """Refuse a configuration of another program where only settings of Tunewell can be used.

    Raises:
        SettingsError: if it is no TOML.
    """
    if config is not None and config.is_file() and config.suffix != TOML:
        message = (
            f"{config}: settings of Tunewell are TOML; a configuration of another program is "
            "examined by tunewell check"
        )
        raise SettingsError(message)


def roles_of(given: Given, settings: Settings) -> list[Found]:
    """Every path with its role: named on the command line, in the settings, or recognised.

    Raises:
        InputError: if a path is not there.
    """
    for path in given.paths:
        if not path.exists():
            message = f"{path}: no such file or folder"
            raise InputError(message)
    named = {
        "train": given.train,
        "eval": given.evaluation,
        "test": given.test,
        "log": (given.log,),
        "predictions": (given.predictions,),
        "script": (given.script,),
        "config": (given.recipe_file,),
    }
    roles = [
        Found(path=path, role=role, reason=f"given with --{role}", named=True)
        for role, paths in named.items()
        for path in paths
        if path is not None
    ]
    folders = [path for path in given.paths if path.is_dir()]
    if settings.file is not None and settings.file.parent in folders:
        for role, name in (
            ("train", settings.data.train),
            ("eval", settings.data.eval),
            ("test", settings.data.test),
        ):
            if name is not None and not named[role]:
                reason = f"named in {settings.file.name}"
                paths = locate(name, settings.file.parent)
                roles += [Found(path, role, reason, named=True) for path in paths]
    taken = {found.role for found in roles}
    for found in recognise(given.paths):
        if found.role in DATA_ROLES and (found.role in taken or "train" in taken & set(DATA_ROLES)):
            continue
        roles.append(found)
    return _lone_data_file_trains(roles)


def _lone_data_file_trains(roles: list[Found]) -> list[Found]:
    """A single data file is examined as training data, whatever it is called."""
    data = [found for found in roles if found.role in DATA_ROLES]
    if len(data) != 1 or data[0].role == "train":
        return roles
    only = Found(data[0].path, "train", f"the only data file; {data[0].reason}")
    return [only if found is data[0] else found for found in roles]
