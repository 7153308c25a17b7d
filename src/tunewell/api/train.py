"""`train`: fine-tune once, watched, and say how it went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tunewell.api.planning.learned import prediction_file
from tunewell.api.run_sections import of_run
from tunewell.api.sections import confusion_matrix
from tunewell.api.workspace import Workspace
from tunewell.core.document import Document
from tunewell.core.errors import InputError, UserError
from tunewell.core.finding import Severity
from tunewell.core.progress import Progress, Silent
from tunewell.core.words import counted
from tunewell.engine.documents import build, cause_of
from tunewell.engine.examine import examine
from tunewell.engine.settings import GuardSettings
from tunewell.facts.evaluation import accuracy, macro_f1
from tunewell.plan.corrections import read_prediction
from tunewell.readers.predictions import write_predictions
from tunewell.report.write import write
from tunewell.subjects.dataset import Dataset

if TYPE_CHECKING:
    from tunewell.train.guard.guard import Guard


def train(
    workspace: Workspace,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    guard: GuardSettings | None = None,
    resume: bool = False,
) -> Document:
    """Fine-tune the project's model on its data by its recipe.

    The model, the run folder, predictions and a report are written under `workspace.runs`. With
    `guard` the run recovers where it would have died or been harmed; `resume` goes on with one
    that was killed.

    Raises:
        UserError: if data, model or settings cannot be used.
    """
    from tunewell.train.fit import fit
    from tunewell.train.quiet import require_training_extra

    dataset = workspace.data
    _require_labels(dataset)
    folder = workspace.runs / "train"
    progress = progress or Silent()
    require_training_extra()
    result = fit(
        workspace.recipe,
        dataset,
        folder=folder,
        progress=progress,
        threads=threads,
        guard=None if guard is None else _guard(guard, progress),
        resume=resume,
        prediction=plan_of(workspace, progress),
    )
    subjects = [dataset, workspace.recipe, result.trace]
    if result.model_state is not None:
        subjects.append(result.model_state)
    for split in (result.evaluation, result.test):
        if split is not None:
            write_predictions(split, folder / f"predictions-{split.name}.csv")
    judged = result.test or result.evaluation
    if judged is not None:
        subjects.append(judged)
    outcomes = examine(subjects, settings=workspace.settings)
    sections = of_run(result.trace)
    facts: dict[str, object] = {"folder": str(folder), "seconds": round(result.seconds, 1)}
    verdict = f"Trained in {result.seconds:.0f} s; the model is in {folder / 'model'}"
    if judged is not None:
        right, score = accuracy(judged), macro_f1(judged)
        facts |= {"accuracy": right.value, "macro_f1": score.value, "rows": len(judged)}
        sections.append(confusion_matrix(judged))
        verdict += (
            f"; {100 * right.value:.1f} % of {len(judged):,} {judged.name} rows are right "
            f"(95 % interval {100 * right.low:.1f} to {100 * right.high:.1f})"
        )
    stopped = next((d for d in result.trace.interventions if d.kind == "stop"), None)
    if stopped is not None:
        verdict += f"; the guard stopped the run at step {stopped.step:,}: {stopped.text}"
    serious = sum(f.severity is not Severity.INFO for f in outcomes.findings)
    cause = cause_of(outcomes)
    because = f" ({cause})" if cause else ""
    verdict += f", and {counted(serious, 'finding')} to look at{because}." if serious else "."
    document = build(
        "train",
        outcomes,
        verdict=verdict,
        title=str(workspace.root.resolve().name),
        examined=workspace.examined,
        sections=sections,
        facts=facts,
    )
    write(document, folder / "document.json")
    write(document, folder / "report.html")
    return document


def plan_of(workspace: Workspace, progress: Progress) -> Path | None:
    """What `tunewell plan` said of this project, unless it was said before something changed.

    A run on another GPU than the plan was made for is not held against it: the watcher sees that.
    """
    file = prediction_file(workspace.runs)
    if not file.is_file():
        return None
    sources = [Path(split.source.path) for split in workspace.data.splits]
    if workspace.settings.file is not None:
        sources.append(workspace.settings.file)
    told = file.stat().st_mtime
    if any(source.stat().st_mtime > told for source in sources if source.is_file()):
        progress.note(
            "the plan is older than the settings or the data: tunewell plan makes it anew"
        )
        return None
    try:
        read_prediction(file)
    except UserError as error:
        progress.note(f"the run is held against no plan: {error}")
        return None
    return file


def _guard(settings: GuardSettings, progress: Progress) -> Guard:
    """A guard that does what the settings say.

    Raises:
        SettingsError: if a number makes no sense.
    """
    from tunewell.train.guard.guard import Guard

    return Guard(
        out_of_memory=settings.out_of_memory,
        not_finite=None if settings.not_finite == "off" else settings.not_finite,
        spike=None if settings.spike == "off" else settings.spike,
        overfitting=settings.overfitting or None,
        most=settings.most,
        announce=progress.note,
    )


def _require_labels(dataset: Dataset) -> None:
    """Refuse rows without a label: leaving them out in silence would hide a fault of the data.

    Raises:
        InputError: if a row of any split has no label.
    """
    for split in dataset.splits:
        missing = [row for row, label in enumerate(split.labels) if label is None]
        if missing:
            message = (
                f"{split.source.path}, line {split.lines[missing[0]]}: no label in "
                f"{counted(len(missing), 'row')} of {len(split):,}; label or drop them "
                "(tunewell check --fix --unsafe-fixes writes a copy without them)"
            )
            raise InputError(message)
