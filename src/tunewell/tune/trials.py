"""Trainings that are remembered on disk, so that a stopped session goes on where it was."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.core.progress import Progress
from tunewell.readers.logs import read_run
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.evaluation import Evaluation
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace
from tunewell.train.fit import fit
from tunewell.tune.project import Project

NOT_PART_OF_A_TRIAL = frozenset({"given", "file", "lines"})
"""Fields of a recipe that say where it came from, not what is trained."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One finished training: what it predicted and how it ran."""

    evaluation: Evaluation
    test: Evaluation
    trace: Trace
    model_state: ModelState | None
    seconds: float
    folder: Path


class Trials:
    """Runs trainings in `folder`, each at most once.

    The model of the first seed is kept while a session lasts, so that the best one need not be
    trained again; `drop_models` clears the others away.
    """

    def __init__(
        self, folder: Path, progress: Progress, threads: int | None = None, model_seed: int = 0
    ) -> None:
        self.folder = folder
        self.progress = progress
        self.threads = threads
        self.model_seed = model_seed
        self._done: dict[str, Trial] = {}

    def run(self, project: Project, seed: int) -> Trial:
        """The trial of this project under this seed, from memory, from disk or by training."""
        recipe = _recipe(project, seed)
        key = _key(recipe, project.dataset)
        known = self._done.get(key) or _load(self.folder / key, project.dataset)
        self._done[key] = known or self._train(recipe, project.dataset, self.folder / key)
        return self._done[key]

    def model(self, project: Project) -> Path:
        """Folder of the project's trained model; it is trained again if it is no longer there."""
        recipe = _recipe(project, self.model_seed)
        folder = self.folder / _key(recipe, project.dataset)
        if not (folder / "model" / "config.json").is_file():
            self._train(recipe, project.dataset, folder)
        return folder / "model"

    def drop_models(self, keep: Path) -> None:
        """Delete the models of all other trials; what they predicted stays."""
        for model in self.folder.glob("*/model"):
            if model != keep:
                shutil.rmtree(model)

    def _train(self, recipe: Recipe, dataset: Dataset, folder: Path) -> Trial:
        if folder.exists():
            shutil.rmtree(folder)  # what an interrupted training left
        result = fit(
            recipe,
            dataset,
            folder=folder,
            progress=self.progress,
            threads=self.threads,
            keep_model=recipe.seed == self.model_seed,
        )
        if result.evaluation is None or result.test is None:
            message = "a trial needs an evaluation and a test split"
            raise ValueError(message)
        trial = Trial(
            evaluation=result.evaluation,
            test=result.test,
            trace=result.trace,
            model_state=result.model_state,
            seconds=result.seconds,
            folder=folder,
        )
        _save(trial)
        return trial


def _recipe(project: Project, seed: int) -> Recipe:
    return dataclasses.replace(project.recipe, seed=seed, model=str(project.model))


def _key(recipe: Recipe, dataset: Dataset) -> str:
    settings = {
        field.name: getattr(recipe, field.name)
        for field in dataclasses.fields(recipe)
        if field.name not in NOT_PART_OF_A_TRIAL
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for split in dataset.splits:
        digest.update(split.name.encode())
        for text, label in zip(split.texts, split.labels, strict=True):
            digest.update(f"{text}\0{label}\1".encode())
    return digest.hexdigest()[:16]


def _save(trial: Trial) -> None:
    arrays: dict[str, Any] = {}
    for name, part in (("evaluation", trial.evaluation), ("test", trial.test)):
        arrays[f"{name}_predicted"] = part.predicted
        if part.probabilities is not None:
            arrays[f"{name}_probabilities"] = part.probabilities
    # np.savez adds the ending itself, so the unfinished file needs it too.
    unfinished = trial.folder / "trial.part.npz"
    np.savez_compressed(
        unfinished,
        label_names=np.array(trial.evaluation.label_names),
        seconds=np.float64(trial.seconds),
        **arrays,
    )
    unfinished.replace(trial.folder / "trial.npz")


def _load(folder: Path, dataset: Dataset) -> Trial | None:
    """A trial that an earlier session finished, None where there is none."""
    path = folder / "trial.npz"
    if not path.is_file() or dataset.evaluation is None or dataset.test is None:
        return None
    with np.load(path, allow_pickle=False) as stored:
        names = tuple(str(name) for name in stored["label_names"])
        ids = {name: number for number, name in enumerate(names)}
        counts = np.zeros(len(names), dtype=np.int64)
        for label in dataset.train.labels:
            if label is not None:
                counts[ids[label]] += 1
        parts: list[Evaluation] = []
        for name, split in (("evaluation", dataset.evaluation), ("test", dataset.test)):
            probabilities = f"{name}_probabilities"
            parts.append(
                Evaluation(
                    name=split.name,
                    label_names=names,
                    given=np.array([ids[str(label)] for label in split.labels], dtype=np.int64),
                    predicted=stored[f"{name}_predicted"],
                    probabilities=stored.get(probabilities),
                    texts=split.texts,
                    lines=split.lines,
                    file=str(split.source.path),
                    train_counts=counts,
                )
            )
        seconds = float(stored["seconds"])
    trace, state = read_run(folder)
    return Trial(parts[0], parts[1], trace, state, seconds, folder)
