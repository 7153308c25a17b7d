"""Retrain on old and new rows, and judge candidate and current model on the same held-out rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tunewell.adapt.replay import Mixture, mix
from tunewell.core.errors import InputError
from tunewell.core.progress import Progress
from tunewell.readers.checkpoint import read_checkpoint
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.evaluation import Evaluation, EvaluationPair
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace
from tunewell.train.fit import fit
from tunewell.train.holdout import fold, hold_out

NEW_HELD_OUT = 0.4
"""Share of the new rows that judge. Large, because new rows are few and a gate that cannot decide
is of no use; afterwards all of them can be learned from."""


@dataclass(frozen=True, slots=True, eq=False)
class Retrained:
    """The candidate's folder, both models on old and on new held-out rows, and what was mixed."""

    model: Path
    old: EvaluationPair
    new: EvaluationPair
    both: EvaluationPair
    mixture: Mixture
    trace: Trace
    seconds: float


def retrain(  # noqa: PLR0913  the settings of one retraining
    recipe: Recipe,
    old: Dataset,
    new: Split,
    *,
    current: Path,
    folder: Path,
    keep_share: float = 1.0,
    progress: Progress,
    threads: int | None = None,
) -> Retrained:
    """Train a candidate from the recipe's model on old rows and new ones.

    The old test split judges (the evaluation split, or held-out training rows, where there is
    none), and so do 40 % of the new rows, which are kept out of training.

    Raises:
        UserError: if data, model or settings cannot be used.
    """
    if old.test is None and old.evaluation is None:
        old = hold_out(old)
    judge_old = old.test or old.evaluation
    held = hold_out(Dataset(train=_labelled(new)), share=NEW_HELD_OUT, seed=recipe.seed)
    judge_new = held.evaluation
    if judge_old is None or judge_new is None:
        message = f"{new.source.path}: no rows can be held out to judge by"
        raise InputError(message)
    judge_old = _labelled(judge_old)
    # A judged row that is also learned from would make the candidate look better than it is.
    learned = _without(held.train, [*judge_old.texts, *judge_new.texts])
    mixture = mix(old.train, learned, share=keep_share, seed=recipe.seed)
    steer = old.evaluation if old.test is not None else None
    judge = _joined(judge_old, judge_new)
    dataset = Dataset(train=mixture.split, evaluation=steer, test=judge)
    base = recipe if recipe.model else dataclasses.replace(recipe, model=str(current))
    result = fit(base, dataset, folder=folder, progress=progress, threads=threads)
    if result.test is None:
        message = "a retraining needs a test split"
        raise ValueError(message)
    candidate = result.test
    both = EvaluationPair(_on_rows(current, judge, candidate.label_names), candidate)
    rows = np.arange(len(judge))
    return Retrained(
        model=folder / "model",
        old=_part(both, rows < len(judge_old), "old rows"),
        new=_part(both, rows >= len(judge_old), "new rows"),
        both=both,
        mixture=mixture,
        trace=result.trace,
        seconds=result.seconds,
    )


def _on_rows(model: Path, split: Split, names: tuple[str, ...]) -> Evaluation:
    """What a model says of rows of which some have labels that it does not know.

    Classes are ids into `names` plus the model's own labels that are not among them.
    """
    from tunewell.train.inference import predict  # noqa: PLC0415  imports torch

    own = read_checkpoint(model).label_names
    if own is None:
        message = f"{model}: is no classifier with named labels, so nothing can be held against it"
        raise InputError(message)
    # `predict` refuses labels that the model has no name for; they are put back below.
    asked = dataclasses.replace(split, labels=[own[0]] * len(split))
    said = predict(model, asked)
    every = (*names, *(name for name in said.label_names if name not in names))
    ids = {name: number for number, name in enumerate(every)}
    translate = np.array([ids[name] for name in said.label_names], dtype=np.int64)
    return Evaluation(
        name=split.name,
        label_names=every,
        given=np.array([ids[str(label)] for label in split.labels], dtype=np.int64),
        predicted=translate[said.predicted],
        texts=split.texts,
        lines=split.lines,
        file=str(split.source.path),
    )


def _part(pair: EvaluationPair, keep: np.ndarray, name: str) -> EvaluationPair:
    """Some of the rows of both sides, with the same label names."""
    rows = [int(row) for row in np.flatnonzero(keep)]

    def side(evaluation: Evaluation) -> Evaluation:
        texts, lines = evaluation.texts, evaluation.lines
        return Evaluation(
            name=name,
            label_names=pair.baseline.label_names,
            given=evaluation.given[rows],
            predicted=evaluation.predicted[rows],
            texts=[texts[row] for row in rows] if texts is not None else None,
            lines=[lines[row] for row in rows] if lines is not None else None,
        )

    return EvaluationPair(side(pair.baseline), side(pair.candidate))


def _joined(first: Split, second: Split) -> Split:
    return dataclasses.replace(
        first,
        name="test",
        texts=[*first.texts, *second.texts],
        labels=[*first.labels, *second.labels],
        lines=[*first.lines, *second.lines],
        broken=(),
    )


def _labelled(split: Split) -> Split:
    keep = [row for row, label in enumerate(split.labels) if label is not None]
    if not keep:
        message = f"{split.source.path}: has no labelled row; retraining needs labels"
        raise InputError(message)
    return _rows(split, keep)


def _without(split: Split, texts: Iterable[str]) -> Split:
    """The rows whose text, as a reader would read it, is none of these."""
    known = {fold(text) for text in texts}
    return _rows(split, [r for r, text in enumerate(split.texts) if fold(text) not in known])


def _rows(split: Split, keep: Sequence[int]) -> Split:
    if len(keep) == len(split):
        return split
    return dataclasses.replace(
        split,
        texts=[split.texts[row] for row in keep],
        labels=[split.labels[row] for row in keep],
        lines=[split.lines[row] for row in keep],
    )
