"""What each row of an evaluation adds to a metric, so that one test serves every metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tunewell.core.errors import InputError
from tunewell.subjects.evaluation import Evaluation

Metric: TypeAlias = Literal["accuracy", "macro_f1"]

METRIC_NAMES: dict[Metric, str] = {"accuracy": "accuracy", "macro_f1": "macro-F1"}


def row_scores(runs: Sequence[Evaluation], metric: Metric) -> NDArray[np.float64]:
    """Scores of shape (rows, runs) whose mean over rows is the metric of each run.

    Accuracy's score is 1 or 0. Macro-F1 is not a mean of rows; its score is the metric plus the
    row's influence on it (the first term of its expansion), which is what its sampling error
    rests on.
    """
    if metric == "accuracy":
        return np.stack([run.correct for run in runs], axis=1).astype(np.float64)
    return np.stack([_macro_f1_scores(run) for run in runs], axis=1)


def _macro_f1_scores(run: Evaluation) -> NDArray[np.float64]:
    classes = len(run.label_names)
    rows = len(run)
    given = np.bincount(run.given, minlength=classes)
    predicted = np.bincount(run.predicted, minlength=classes)
    hits = np.bincount(run.given[run.correct], minlength=classes)
    present = given + predicted > 0
    both = np.maximum(given + predicted, 1)
    f1 = 2.0 * hits / both
    weight = rows / (both * present.sum())
    influence: NDArray[np.float64] = 2.0 * weight[run.given] * run.correct
    influence -= weight[run.given] * f1[run.given]
    influence -= weight[run.predicted] * f1[run.predicted]
    return influence + float(f1[present].mean())


def matched(
    baseline: Sequence[Evaluation], candidate: Sequence[Evaluation]
) -> tuple[list[Evaluation], list[Evaluation]]:
    """Both sides with the same label ids, once it is sure that they judge the same rows.

    Raises:
        InputError: if the sides differ in the number of runs, in rows, or in the given labels.
    """
    if not baseline or len(baseline) != len(candidate):
        message = (
            f"a comparison needs as many evaluations on each side: {len(baseline)} against "
            f"{len(candidate)}; give one a seed for each"
        )
        raise InputError(message)
    runs = [*baseline, *candidate]
    first = runs[0]
    if len(first) == 0:
        message = f"{_place(first)}: no rows to compare"
        raise InputError(message)
    names = first.label_names
    if any(run.label_names != names for run in runs):
        names = tuple(sorted({name for run in runs for name in run.label_names}))
        runs = [_with_names(run, names) for run in runs]
        first = runs[0]
    for run in runs[1:]:
        _require_same_rows(first, run)
    return runs[: len(baseline)], runs[len(baseline) :]


def _with_names(run: Evaluation, names: tuple[str, ...]) -> Evaluation:
    ids = {name: number for number, name in enumerate(names)}
    to_new = np.array([ids[name] for name in run.label_names], dtype=np.int64)
    return Evaluation(
        name=run.name,
        label_names=names,
        given=to_new[run.given],
        predicted=to_new[run.predicted],
        texts=run.texts,
        lines=run.lines,
        file=run.file,
    )


def _require_same_rows(first: Evaluation, other: Evaluation) -> None:
    pair = f"{_place(first)} and {_place(other)}"
    if len(first) != len(other):
        message = (
            f"{pair} hold {len(first):,} and {len(other):,} rows; a paired comparison needs the "
            f"same rows in the same order"
        )
        raise InputError(message)
    if first.texts is not None and other.texts is not None and first.texts is not other.texts:
        for row, (one, two) in enumerate(zip(first.texts, other.texts, strict=True)):
            if one != two:
                message = (
                    f"{pair} hold different texts from row {row + 1:,} on; a paired comparison "
                    f"needs the same rows in the same order"
                )
                raise InputError(message)
    differing = np.flatnonzero(first.given != other.given)
    if len(differing):
        row = int(differing[0])
        message = (
            f"{pair} give different labels to {len(differing):,} rows, first to row {row + 1:,} "
            f"({first.label_names[first.given[row]]!r} and "
            f"{other.label_names[other.given[row]]!r}); a paired comparison needs the same rows "
            f"in the same order"
        )
        raise InputError(message)


def _place(run: Evaluation) -> str:
    return run.file or run.name
