"""Turn the paths of one call into subjects, and remember what each was taken for and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tunewell.api.gathered import Gathered
from tunewell.api.given import DATA_ROLES, Given, roles_of
from tunewell.api.recipes import data_of, find_recipe, with_task
from tunewell.api.runs import read_runs
from tunewell.api.workspace import data_examined
from tunewell.core.document import Examined
from tunewell.core.errors import InputError
from tunewell.engine.settings import Settings
from tunewell.readers.benchmark import read_benchmark
from tunewell.readers.checkpoint import read_checkpoint
from tunewell.readers.data import read_dataset
from tunewell.readers.data.shards import shards_of
from tunewell.readers.files import BINARY, probe
from tunewell.readers.logs.text_log import PASTED
from tunewell.readers.machine import read_machine
from tunewell.readers.model_reference import resolve_model
from tunewell.readers.out_of_fold import read_out_of_fold
from tunewell.readers.output_folder import read_output_folder
from tunewell.readers.recognise import Found
from tunewell.readers.script import read_script
from tunewell.readers.tokenization import read_tokenization
from tunewell.readers.versions import read_versions
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.files import FileProbe, Files
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script


def gather(given: Given, settings: Settings) -> Gathered:
    """Read everything that was given.

    Raises:
        InputError: if a named file is missing or cannot be read at all.
    """
    roles = roles_of(given, settings)
    alone = given.pasted is not None and not given.paths
    gathered = Gathered(title=PASTED.name if alone else given.first.resolve().name)
    if not roles and not given.model and not given.every_log:
        message = "nothing to look at: pass a data file, a run, or a project folder"
        raise InputError(message)
    gathered.examined = [
        Examined(what=found.role, path=str(found.path), reason=found.reason)
        for found in roles
        if found.role not in DATA_ROLES
    ]
    found = find_recipe(roles, given.paths, settings)
    recipe = found.recipe
    if recipe is not None:
        roles += data_of(recipe, roles)
    gathered.missing |= found.missing
    gathered.examined += found.examined
    _read_data(gathered, roles, given, settings)
    if given.benchmark is not None:
        gathered.subjects.append(read_benchmark(given.benchmark))
        gathered.examined.append(
            Examined(what="benchmark", path=str(given.benchmark), reason="given with --benchmark")
        )
    if given.probabilities is not None:
        _read_probabilities(gathered, given.probabilities)
    _read_script(gathered, roles, given)
    if given.augmenter is not None:
        gathered.subjects.append(given.augmenter)
    checkpoint = _read_model(gathered, roles, given, settings, recipe)
    if recipe is not None:
        recipe = with_task(recipe, gathered.dataset, checkpoint)
        gathered.subjects.append(recipe)
        _read_output_folder(gathered, recipe)
    if any(isinstance(subject, Recipe | Script) for subject in gathered.subjects):
        first = given.first
        gathered.subjects.append(read_versions(first if first.is_dir() else first.parent))
    if recipe is not None or checkpoint is not None:
        gathered.subjects.append(read_machine(_written_to(recipe)))
    dataset = gathered.dataset
    if checkpoint is not None and dataset is not None and checkpoint.tokenizer_file is not None:
        cut = recipe.max_length if recipe is not None else None
        gathered.subjects.append(read_tokenization(dataset, checkpoint, cut))
    read_runs(gathered, roles, given)
    return gathered


def _first(roles: Iterable[Found], role: str) -> Path | None:
    return next((found.path for found in roles if found.role == role), None)


def _shards(roles: Iterable[Found], role: str) -> list[Path]:
    """The files named for a role, or else its first with those that hold the rest of its split."""
    mine = [found for found in roles if found.role == role]
    named = [found.path for found in mine if found.named]
    paths = [found.path for found in mine]
    return named or (shards_of(paths[0], paths[1:]) if paths else [])


def _read_data(gathered: Gathered, roles: list[Found], given: Given, settings: Settings) -> None:
    paths = {role: _shards(roles, role) for role in DATA_ROLES}
    files = [path for several in paths.values() for path in several if path.is_file()]
    probes = tuple(probe(path) for path in files)
    if probes:
        gathered.subjects.append(Files(probes))
    if not paths["train"]:
        return
    disguised = _disguised(probes)
    if disguised is not None:
        gathered.missing["Dataset"] = gathered.missing["Tokenization"] = (
            f"{disguised.path} is not data but a {disguised.disguise}"
        )
        return
    try:
        gathered.dataset = read_dataset(
            paths["train"],
            evaluation=paths["eval"],
            test=paths["test"],
            text=given.text or settings.data.text,
            label=given.label or settings.data.label,
        )
    except InputError as error:
        if not given.every_log or given.train:
            raise
        # What lies beside a log and cannot be read must not hide what the log says.
        gathered.missing["Dataset"] = gathered.missing["Tokenization"] = str(error)
        return
    gathered.subjects.append(gathered.dataset)
    gathered.examined = data_examined(gathered.dataset) + gathered.examined


def _read_probabilities(gathered: Gathered, path: Path) -> None:
    if gathered.dataset is None:
        message = f"{path}: probabilities are about training data; pass that too"
        raise InputError(message)
    gathered.subjects.append(read_out_of_fold(path, gathered.dataset))
    gathered.examined.append(
        Examined(what="probabilities", path=str(path), reason="given with --probabilities")
    )


def _read_script(gathered: Gathered, roles: list[Found], given: Given) -> None:
    path = _first(roles, "script")
    if path is None:
        return
    try:
        gathered.subjects.append(read_script(path))
    except InputError as error:
        if given.script is not None:
            raise
        gathered.missing["Script"] = str(error)


def _disguised(probes: Iterable[FileProbe]) -> FileProbe | None:
    """A file that is something else, and known for what it is: that is a finding.

    Bytes that nobody can name are bad input, which the reader refuses.
    """
    return next((p for p in probes if p.disguise not in (None, BINARY)), None)


def _written_to(recipe: Recipe | None) -> Path | None:
    """The folder that the run writes to, on whose disk it needs room."""
    if recipe is None or recipe.saving.output_dir is None:
        return None
    return Path(recipe.saving.output_dir)


def _read_output_folder(gathered: Gathered, recipe: Recipe) -> None:
    """What already lies where the run will write, seen from the working folder or the recipe's."""
    if recipe.saving.output_dir is None:
        return
    folder = _beside(recipe, recipe.saving.output_dir)
    if folder is None:
        return
    resumed = recipe.saving.resume_from_checkpoint
    gathered.subjects.append(
        read_output_folder(
            folder,
            model=None if recipe.model is None else _beside(recipe, recipe.model),
            resumed=_beside(recipe, resumed) if isinstance(resumed, str) else None,
        )
    )
    gathered.examined.append(
        Examined(what="output folder", path=str(folder), reason="named in the recipe")
    )


def _beside(recipe: Recipe, name: str) -> Path | None:
    """The folder of that name, None where there is none."""
    starts = (Path(), *([recipe.file.parent] if recipe.file is not None else []))
    return next((start / name for start in starts if name and (start / name).is_dir()), None)


def _read_model(
    gathered: Gathered,
    roles: list[Found],
    given: Given,
    settings: Settings,
    recipe: Recipe | None,
) -> Checkpoint | None:
    file = recipe.file if recipe is not None and recipe.file is not None else settings.file
    base = file.parent if file is not None else Path()
    named = recipe.model if recipe is not None else None
    if given.model is not None:
        folder = resolve_model(given.model, base=base, hub=given.hub)
        reason = f"named {given.model}"
    elif named is not None:
        try:
            folder = resolve_model(str(named), base=base, hub=given.hub)
        except InputError as error:
            # The recipe may be for another machine: everything else can still be checked.
            gathered.missing["Checkpoint"] = gathered.missing["Tokenization"] = str(error)
            return None
        reason = f"named {named} in {file.name if file is not None else 'the settings'}"
    else:
        found = _first(roles, "model")
        if found is None:
            return None
        folder, reason = found, ""
    if reason:
        gathered.examined.append(Examined(what="model", path=str(folder), reason=reason))
    try:
        checkpoint = read_checkpoint(folder, weights=False)
    except InputError as error:
        if given.model is not None or named is None:
            raise
        gathered.missing["Checkpoint"] = gathered.missing["Tokenization"] = str(error)
        return None
    gathered.subjects.append(checkpoint)
    return checkpoint
