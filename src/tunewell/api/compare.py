"""`compare`: is the difference between two models real, and where does it lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tunewell.api.compare_runs import compare_runs
from tunewell.api.evaluations import EXAMPLES_SHOWN, evaluation_at, predictions_in
from tunewell.api.sections import before_after
from tunewell.core.document import Document, Examined, Section
from tunewell.core.errors import InputError
from tunewell.core.finding import Table
from tunewell.core.proof import Proof
from tunewell.engine.documents import build
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.facts.evaluation import class_scores
from tunewell.proof.compare import compare as compare_evaluations
from tunewell.proof.scores import matched
from tunewell.readers.logs import find_runs, read_run
from tunewell.subjects.evaluation import Evaluation, EvaluationPair

FAMILIES = ("errors", "metrics", "adaptation")

CLASSES_SHOWN = 20


def compare_paths(
    paths: Sequence[Path],
    *,
    metric: str | None = None,
    same_settings: bool = False,
    settings: Settings | None = None,
) -> Document:
    """Compare two models by their predictions, or runs by their logs where those are not there.

    Raises:
        InputError: if the paths hold neither two sets of predictions nor two runs.
        SettingsError: if the settings cannot be used.
    """
    by_rows = len(paths) == 2 and all(map(_has_predictions, paths))  # noqa: PLR2004  a pair
    if by_rows and metric is None and not same_settings:
        return compare(paths[0], paths[1], settings=settings)
    return compare_runs(paths, metric=metric, same_settings=same_settings, settings=settings)


def _has_predictions(path: Path) -> bool:
    if path.is_dir():
        return predictions_in(path) is not None
    return not find_runs(path)


def compare(baseline: Path, candidate: Path, *, settings: Settings | None = None) -> Document:
    """Compare two models on the same rows.

    Args:
        baseline: predictions file or run folder of the model in use.
        candidate: the same of the model that is to replace it.
        settings: selection and thresholds of the checks.

    Raises:
        InputError: if a file cannot be read, or the two do not hold the same rows in the same
            order.
        SettingsError: if the settings cannot be used.
    """
    before, after = evaluation_at(baseline), evaluation_at(candidate)
    (before,), (after,) = matched([before], [after])
    title = f"{baseline.name} against {candidate.name}"
    proofs = [
        compare_evaluations(before, after, title=title, metric="accuracy"),
        compare_evaluations(before, after, title=title, metric="macro_f1"),
    ]
    outcomes = examine(
        (after, EvaluationPair(baseline=before, candidate=after)),
        settings=settings,
        families=FAMILIES,
    )
    settings_section = _settings_that_differ(baseline, candidate)
    return build(
        "compare",
        outcomes,
        verdict=proofs[0].sentence,
        title=title,
        examined=[
            Examined(
                what=what,
                path=str(evaluation.file),
                reason=f"{len(evaluation):,} rows with label and prediction",
            )
            for what, evaluation in (("baseline", before), ("candidate", after))
        ],
        sections=[
            _scores(proofs, len(before)),
            *(() if settings_section is None else (settings_section,)),
            _classes(before, after),
            _flips(before, after, broke=True),
            _flips(before, after, broke=False),
        ],
        proofs=proofs,
        facts={
            "rows": len(before),
            "fixed": proofs[0].fixed,
            "broke": proofs[0].broke,
            "p_value": proofs[0].p_value,
            "verdict": proofs[0].verdict.value,
        },
    )


def _scores(proofs: list[Proof], rows: int) -> Section:
    table = before_after(proofs, rows)
    return Section(
        id=table.id,
        title="Both models",
        text=f"on the same {rows:,} rows",
        evidence=table.evidence,
    )


def _classes(before: Evaluation, after: Evaluation) -> Section:
    """Classes whose recall moved, the largest loss first."""
    old, new = class_scores(before), class_scores(after)
    moved = new.hits - old.hits
    order = [place for place in np.argsort(moved, kind="stable").tolist() if moved[place]]
    # Losses matter most, gains next; what lies between is cut.
    shown = order if len(order) <= CLASSES_SHOWN else order[: CLASSES_SHOWN // 2] + order[-10:]
    return Section(
        id="classes",
        title="Classes that changed",
        text="The largest loss first",
        evidence=(
            Table(
                name="classes that changed",
                columns=("class", "rows", "recall before in %", "recall after in %", "rows gained"),
                rows=tuple(
                    (
                        before.label_names[place],
                        int(old.support[place]),
                        round(100 * float(old.recall[place]), 1),
                        round(100 * float(new.recall[place]), 1),
                        int(moved[place]),
                    )
                    for place in shown
                ),
                total=len(order),
            ),
        ),
    )


def _flips(before: Evaluation, after: Evaluation, *, broke: bool) -> Section:
    """Rows that were right and are wrong, or the reverse."""
    rows = np.flatnonzero(
        before.correct & ~after.correct if broke else ~before.correct & after.correct
    )
    texts = after.texts if after.texts is not None else before.texts
    return Section(
        id="broken" if broke else "repaired",
        title="Answers that broke" if broke else "Answers that were repaired",
        text=f"{len(rows):,} rows",
        evidence=(
            Table(
                name="answers that broke" if broke else "answers that were repaired",
                columns=("line", "text", "label", "before", "after"),
                rows=tuple(
                    (
                        None if after.lines is None else after.lines[row],
                        None if texts is None else texts[row],
                        after.label_names[after.given[row]],
                        before.label_names[before.predicted[row]],
                        after.label_names[after.predicted[row]],
                    )
                    for row in rows[:EXAMPLES_SHOWN].tolist()
                ),
                total=len(rows),
            ),
        ),
    )


def _settings_that_differ(baseline: Path, candidate: Path) -> Section | None:
    """What the two runs say of their arguments, where both are run folders that say it."""
    said = []
    for path in (baseline, candidate):
        if not path.is_dir():
            return None
        try:
            said.append(read_run(path)[0].settings)
        except InputError:
            return None
    names = sorted({*said[0], *said[1]})
    differing = [name for name in names if said[0].get(name) != said[1].get(name)]
    if not differing:
        return None
    return Section(
        id="settings",
        title="Settings that differ",
        evidence=(
            Table(
                name="settings that differ",
                columns=("setting", "before", "after"),
                rows=tuple(
                    (name, str(said[0].get(name, "")), str(said[1].get(name, "")))
                    for name in differing
                ),
                total=len(differing),
            ),
        ),
    )
