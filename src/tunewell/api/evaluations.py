"""Predictions as the error commands take them: a file, or a run folder that holds one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tunewell.core.document import Section
from tunewell.core.errors import InputError
from tunewell.core.finding import Table
from tunewell.facts.evaluation import class_scores, confused_pairs
from tunewell.facts.slices import Slice, weak_slices
from tunewell.readers.predictions import read_predictions
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.evaluation import Evaluation

IN_A_RUN = ("predictions-eval.csv", "predictions-test.csv", "predictions.csv")
"""Where a run folder keeps its predictions; the first that is there is read."""

CLASSES_SHOWN = 200
PAIRS_SHOWN = 15
EXAMPLES_SHOWN = 20


def evaluation_at(
    path: Path, *, text: str | None = None, label: str | None = None, prediction: str | None = None
) -> Evaluation:
    """The predictions in a file or run folder.

    Raises:
        InputError: if there are none, or they cannot be read.
    """
    if not path.exists():
        message = f"{path}: no such file or folder"
        raise InputError(message)
    if path.is_dir():
        found = predictions_in(path)
        if found is None:
            message = (
                f"{path}: holds no predictions ({' or '.join(IN_A_RUN)}); pass a predictions file, "
                f"or a folder that tunewell train wrote"
            )
            raise InputError(message)
        path = found
    return read_predictions(path, text=text, label=label, prediction=prediction)


def predictions_in(folder: Path) -> Path | None:
    """The predictions file that a run folder keeps, None where it has none."""
    return next((folder / name for name in IN_A_RUN if (folder / name).is_file()), None)


def with_train_counts(evaluation: Evaluation, dataset: Dataset) -> Evaluation:
    """The evaluation with the number of training rows of each class.

    Raises:
        InputError: if no label of the training data is a label of the predictions.
    """
    ids = {name: number for number, name in enumerate(evaluation.label_names)}
    rows = [ids[label] for label in dataset.train.labels if label in ids]
    if not rows:
        message = (
            f"{dataset.train.source.path}: none of its labels (such as "
            f"{next(iter(dataset.label_names), None)!r}) is a label of the predictions (such as "
            f"{evaluation.label_names[0]!r}); pass the data that this model was trained on"
        )
        raise InputError(message)
    counts = np.bincount(np.array(rows), minlength=len(ids)).astype(np.int64)
    return dataclasses.replace(evaluation, train_counts=counts)


def class_table(evaluation: Evaluation) -> Section:
    """Precision, recall and F1 of each class, the worst F1 first."""
    scores = class_scores(evaluation)
    trained = evaluation.train_counts
    order = np.argsort(np.nan_to_num(scores.f1, nan=2.0), kind="stable")

    def percent(value: float) -> float | None:
        return None if np.isnan(value) else round(100 * float(value), 1)

    rows = tuple(
        (
            evaluation.label_names[place],
            int(scores.support[place]),
            percent(scores.precision[place]),
            percent(scores.recall[place]),
            f"{100 * scores.recall_low[place]:.0f} to {100 * scores.recall_high[place]:.0f}",
            percent(scores.f1[place]),
            *(() if trained is None else (int(trained[place]),)),
        )
        for place in order[:CLASSES_SHOWN].tolist()
    )
    columns = ("class", "rows", "precision in %", "recall in %", "recall, 95 %", "F1 in %")
    return Section(
        id="classes",
        title="How each class does",
        text="The worst first",
        evidence=(
            Table(
                name="classes",
                columns=columns if trained is None else (*columns, "training rows"),
                rows=rows,
                total=len(order),
            ),
        ),
    )


def pair_table(evaluation: Evaluation) -> Section:
    """The pairs of classes with the most errors beyond chance."""
    pairs = confused_pairs(evaluation)
    names = evaluation.label_names
    return Section(
        id="pairs",
        title="Which classes are confused",
        text="Errors in either direction beside those expected if errors fell at random",
        evidence=(
            Table(
                name="confused pairs",
                columns=("class", "taken for", "errors", "the reverse", "expected", "p"),
                rows=tuple(
                    (
                        names[pair.first],
                        names[pair.second],
                        pair.first_as_second,
                        pair.second_as_first,
                        round(pair.expected, 1),
                        float(f"{pair.p_value:.1e}"),
                    )
                    for pair in pairs[:PAIRS_SHOWN]
                ),
                total=len(pairs),
            ),
        ),
    )


def slice_table(evaluation: Evaluation) -> Section | None:
    """The confirmed weak slices, None where there are none."""
    slices: tuple[Slice, ...] = weak_slices(evaluation)
    if not slices:
        return None
    return Section(
        id="slices",
        title="Where the model errs most",
        text="Found on one half of the rows and confirmed on the other",
        evidence=(
            Table(
                name="weak slices",
                columns=("rows with", "rows", "wrong", "wrong in %", "elsewhere in %", "p"),
                rows=tuple(
                    (
                        one.description,
                        len(one.rows),
                        one.errors,
                        round(100 * one.rate, 1),
                        round(100 * one.elsewhere, 1),
                        float(f"{one.p_value:.1e}"),
                    )
                    for one in slices
                ),
                total=len(slices),
            ),
        ),
    )


def example_table(evaluation: Evaluation) -> Section:
    """Wrong answers, the most confident first where probabilities are known."""
    wrong = np.flatnonzero(~evaluation.correct)
    shares = evaluation.probabilities
    if shares is not None:
        sure = shares[wrong, evaluation.predicted[wrong]]
        wrong = wrong[np.argsort(-sure, kind="stable")]
    return Section(
        id="examples",
        title="Wrong answers",
        text="The most confident first" if shares is not None else "",
        evidence=(
            Table(
                name="wrong answers",
                columns=("line", "text", "label", "prediction", "confidence in %"),
                rows=tuple(
                    (
                        None if evaluation.lines is None else evaluation.lines[row],
                        None if evaluation.texts is None else evaluation.texts[row],
                        evaluation.label_names[evaluation.given[row]],
                        evaluation.label_names[evaluation.predicted[row]],
                        None
                        if shares is None
                        else round(100 * float(shares[row, evaluation.predicted[row]]), 1),
                    )
                    for row in wrong[:EXAMPLES_SHOWN].tolist()
                ),
                total=len(wrong),
            ),
        ),
    )
