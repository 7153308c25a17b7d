"""What the training commands work on: one project folder or data file, opened strictly."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from tunewell.api.given import require_own
from tunewell.api.runs_folder import runs_folder
from tunewell.core.document import Examined
from tunewell.core.errors import InputError
from tunewell.core.words import counted
from tunewell.engine.settings import Settings, load
from tunewell.readers.data import read_dataset, require_classification
from tunewell.readers.model_reference import resolve_model
from tunewell.readers.recipes import read_recipe
from tunewell.readers.recognise import recognise
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.recipe import Recipe
from tunewell.train.quiet import require_training_extra


@dataclass(frozen=True, slots=True)
class Workspace:
    """An opened project. `dataset` and `model` are there unless the caller did not require them."""

    root: Path
    settings: Settings
    recipe: Recipe
    dataset: Dataset | None
    model: Path | None
    runs: Path
    examined: tuple[Examined, ...]

    @property
    def data(self) -> Dataset:
        """The data set.

        Raises:
            InputError: if the project has none.
        """
        if self.dataset is None:
            message = f"{self.root}: no training data was found or named"
            raise InputError(message)
        return self.dataset

    @property
    def model_folder(self) -> Path:
        """The model's folder.

        Raises:
            InputError: if none was named.
        """
        if self.model is None:
            message = (
                f"{self.root}: no model was named: pass --model FOLDER or set model in the "
                "[recipe] table of tunewell.toml"
            )
            raise InputError(message)
        return self.model


def open_workspace(
    project: Path,
    *,
    evaluation: Path | None = None,
    test: Path | None = None,
    text: str | None = None,
    label: str | None = None,
    model: str | None = None,
    hub: bool = False,
    config: Path | None = None,
    runs: Path | None = None,
    require_data: bool = True,
    require_model: bool = True,
) -> Workspace:
    """Open a project folder, or a single data file as one.

    What is given here goes before tunewell.toml, and that before what a look at the folder says.

    Raises:
        InputError: if something needed is missing or cannot be read.
        MissingExtraError: if a model is required and the packages that train are not installed.
        SettingsError: if the settings cannot be used.
    """
    if not project.exists():
        message = f"{project}: no such file or folder"
        raise InputError(message)
    if require_model:
        require_training_extra()
    root = project if project.is_dir() else project.parent
    require_own(config)
    settings = load(config or root)
    examined: list[Examined] = []
    if settings.file is not None:
        examined.append(
            Examined(what="settings", path=str(settings.file), reason="found beside the data")
        )
    home = settings.file.parent if settings.file else root
    paths = _find_data(project, home, settings, examined)
    dataset = None
    if paths.train is not None:
        dataset = read_dataset(
            paths.train,
            evaluation=evaluation or paths.evaluation,
            test=test or paths.test,
            text=text or settings.data.text,
            label=label or settings.data.label,
        )
        examined += data_examined(require_classification(dataset))
    elif require_data:
        message = (
            f"{project}: no training data found; name it in the [data] table of tunewell.toml "
            "or pass the file itself"
        )
        raise InputError(message)
    recipe = read_recipe(settings.recipe, settings.file)
    reference = model or recipe.model
    folder = None
    if reference is not None:
        folder = _model(reference, home=home, hub=hub, needed=require_model or model is not None)
    if folder is not None:
        recipe = dataclasses.replace(recipe, model=str(folder))
        examined.append(Examined(what="model", path=str(folder), reason=f"named {reference}"))
    elif reference is not None:
        examined.append(Examined(what="model", path=reference, reason="named, but not here"))
    elif require_model:
        message = (
            f"{project}: no model was named: pass --model FOLDER or set model in the [recipe] "
            "table of tunewell.toml"
        )
        raise InputError(message)
    return Workspace(
        root=root,
        settings=settings,
        recipe=recipe,
        dataset=dataset,
        model=folder,
        runs=runs or runs_folder(project),
        examined=tuple(examined),
    )


@dataclass(frozen=True, slots=True)
class _Paths:
    """Files of the three splits, as far as they are known."""

    train: Path | None = None
    evaluation: Path | None = None
    test: Path | None = None


def _find_data(project: Path, home: Path, settings: Settings, examined: list[Examined]) -> _Paths:
    """The data files: the one that was passed, those in the settings, or those in the folder."""
    named = settings.data
    evaluation, test = _beside(home, named.eval), _beside(home, named.test)
    if project.is_file():
        return _Paths(project, evaluation, test)
    if named.train is not None:
        return _Paths(home / named.train, evaluation, test)
    found: dict[str, Path] = {}
    for item in recognise([project]):
        examined.append(Examined(what=item.role, path=str(item.path), reason=item.reason))
        found.setdefault(item.role, item.path)
    return _Paths(found.get("train"), evaluation or found.get("eval"), test or found.get("test"))


def _model(reference: str, *, home: Path, hub: bool, needed: bool) -> Path | None:
    """The model's folder, None where it is not here and not needed."""
    try:
        return resolve_model(reference, base=home, hub=hub)
    except InputError:
        if needed:
            raise
        return None


def data_examined(dataset: Dataset) -> list[Examined]:
    """What each split was taken for and why."""
    return [
        Examined(
            what={"train": "training data", "eval": "evaluation data", "test": "test data"}.get(
                split.name, split.name
            ),
            path=str(split.source.path),
            reason=f"{counted(len(split), 'row')} of {split.kind}{_in_files(split)}; "
            f"{split.source.reason}",
        )
        for split in dataset.splits
    ]


def _in_files(split: Split) -> str:
    return f" in {len(split.sources):,} files" if split.sources else ""


def _beside(home: Path, name: str | None) -> Path | None:
    return home / name if name is not None else None
