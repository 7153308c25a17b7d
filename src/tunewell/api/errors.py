"""`errors`: where a model answers wrong, and why."""

from __future__ import annotations

from pathlib import Path

from tunewell.api.evaluations import (
    class_table,
    evaluation_at,
    example_table,
    pair_table,
    slice_table,
    with_train_counts,
)
from tunewell.api.sections import confusion_matrix
from tunewell.core.document import Document, Examined
from tunewell.engine.documents import build, verdict_of
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.facts.evaluation import accuracy, macro_f1, majority_share
from tunewell.readers.data import read_dataset, require_classification

FAMILIES = ("errors", "metrics")


def errors(
    predictions: Path,
    *,
    train: Path | None = None,
    text: str | None = None,
    label: str | None = None,
    prediction: str | None = None,
    settings: Settings | None = None,
) -> Document:
    """Look for patterns among wrong answers.

    Args:
        predictions: a predictions file, or a run folder that holds one.
        train: the training data, to look for causes in.
        text: name of the text column; guessed where None.
        label: name of the column of given labels; guessed where None.
        prediction: name of the column of predicted labels; guessed where None.
        settings: selection and thresholds of the checks.

    Raises:
        InputError: if a file cannot be read, or the two do not speak of the same labels.
        SettingsError: if the settings cannot be used.
    """
    evaluation = evaluation_at(predictions, text=text, label=label, prediction=prediction)
    examined = [
        Examined(
            what="predictions",
            path=str(evaluation.file),
            reason=f"{len(evaluation):,} rows with label and prediction",
        )
    ]
    subjects: list[object] = []
    if train is not None:
        dataset = require_classification(read_dataset(train))
        evaluation = with_train_counts(evaluation, dataset)
        subjects.append(dataset)
        source = dataset.train.source
        examined.append(Examined(what="train", path=str(source.path), reason=source.reason))
    subjects.append(evaluation)
    outcomes = examine(subjects, settings=settings, families=FAMILIES)
    right, mean_f1 = accuracy(evaluation), macro_f1(evaluation)
    slices = slice_table(evaluation)
    sections = [
        class_table(evaluation),
        confusion_matrix(evaluation),
        pair_table(evaluation),
        *(() if slices is None else (slices,)),
        example_table(evaluation),
    ]
    wrong = int((~evaluation.correct).sum())
    verdict = (
        f"{wrong:,} of {len(evaluation):,} answers are wrong: accuracy "
        f"{100 * right.value:.1f} % ({100 * right.low:.1f} to {100 * right.high:.1f}), macro-F1 "
        f"{100 * mean_f1.value:.1f} % ({100 * mean_f1.low:.1f} to {100 * mean_f1.high:.1f}). "
        f"{verdict_of(outcomes)}"
    )
    return build(
        "errors",
        outcomes,
        verdict=verdict,
        title=predictions.name,
        examined=examined,
        sections=sections,
        facts={
            "rows": len(evaluation),
            "wrong": wrong,
            "accuracy": right.value,
            "macro_f1": mean_f1.value,
            "majority_share": majority_share(evaluation),
        },
    )
