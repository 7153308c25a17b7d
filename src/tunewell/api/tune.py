"""`tune`: the whole loop, from raw data to a proven better model."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from tunewell.api.sections import before_after, confusion_matrix, curves, percent
from tunewell.api.workspace import Workspace
from tunewell.core.atomic import write_whole
from tunewell.core.document import Document, Section
from tunewell.core.finding import SetKey, Table
from tunewell.core.progress import Progress, Silent
from tunewell.core.proof import Verdict
from tunewell.core.words import counted
from tunewell.engine.documents import build, cause_of
from tunewell.facts.evaluation import accuracy
from tunewell.fixes.files import write_split
from tunewell.readers.checkpoint import read_checkpoint
from tunewell.readers.machine import read_machine
from tunewell.readers.predictions import write_predictions
from tunewell.readers.recipes import write_recipe
from tunewell.readers.tokenization import read_tokenization
from tunewell.report.write import write

if TYPE_CHECKING:
    from tunewell.subjects.dataset import Dataset
    from tunewell.tune.limits import Limits
    from tunewell.tune.loop import Session

SEED_OF_SPLITS = 0


def tune(
    workspace: Workspace,
    *,
    limits: Limits,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[Document, Path]:
    """Improve a project by proven changes only, and report what was done.

    Trainings, the final model, the changed recipe and data and the report are written under
    `workspace.runs / "tune"`; the project's own files stay as they are.

    Returns:
        The document and the path of the HTML report.

    Raises:
        UserError: if data, model or settings cannot be used.
    """
    from tunewell.tune.loop import tune as run
    from tunewell.tune.project import Project
    from tunewell.tune.trials import Trials

    progress = progress or Silent()
    folder = workspace.runs / "tune"
    dataset, notes = three_parts(workspace.data)
    for note in notes:
        progress.note(note)
    project = Project(dataset, workspace.recipe, workspace.model_folder, notes)
    checkpoint = read_checkpoint(workspace.model_folder)
    extra: list[object] = [checkpoint, read_machine()]
    if checkpoint.tokenizer_file is not None:
        extra.append(read_tokenization(dataset, checkpoint, workspace.recipe.max_length))
    session = run(
        project,
        Trials(folder / "trials", progress, threads, limits.seeds[0]),
        extra=extra,
        settings=workspace.settings,
        limits=limits,
        progress=progress,
    )
    written = _write_results(session, workspace, folder)
    document = build(
        "tune",
        session.outcomes,
        verdict=_verdict(session),
        title=str(workspace.root.resolve().name),
        examined=workspace.examined,
        sections=_sections(session, notes, written),
        proofs=session.proofs,
        facts=_facts(session, folder),
    )
    write(document, folder / "document.json")
    report = folder / "report.html"
    write(document, report)
    return document, report


def three_parts(dataset: Dataset) -> tuple[Dataset, tuple[str, ...]]:
    """The data set with rows to steer by and rows for the last word, held out where missing.

    Rows that the user gave for evaluation become the test split if there is no other: they have
    the last word, and choices are made on rows held out from training.
    """
    from tunewell.train.holdout import hold_out

    notes: list[str] = []
    if dataset.test is None:
        if dataset.evaluation is None:
            held = hold_out(dataset, seed=SEED_OF_SPLITS)
            judge = held.evaluation
            notes.append("no test data was given: 15 % of the rows were held out for the last word")
        else:
            held, judge = dataclasses.replace(dataset, evaluation=None), dataset.evaluation
            notes.append("no test data was given: the evaluation rows are kept for the last word")
        if judge is not None:
            judge = dataclasses.replace(judge, name="test")
        dataset = dataclasses.replace(held, evaluation=None, test=judge)
    if dataset.evaluation is None:
        dataset = hold_out(dataset, seed=SEED_OF_SPLITS + 1)
        notes.append("15 % of the training rows were held out to choose by")
    return dataset, tuple(notes)


def _write_results(session: Session, workspace: Workspace, folder: Path) -> list[str]:
    """Write the changed recipe and data beside the trials; the originals stay as they are."""
    model = folder / "model"
    if model.exists():
        shutil.rmtree(model)
    shutil.copytree(session.model, model)
    for split in (session.last.evaluation, session.last.test):
        write_predictions(split, folder / f"predictions-{split.name}.csv")
    written = [f"model: {model}"]
    edits = [
        edit
        for proof in session.proofs
        if proof.kept
        for edit in proof.edits
        if isinstance(edit, SetKey)
    ]
    if edits and workspace.settings.file is not None:
        recipe = folder / "tunewell.toml"
        write_whole(recipe, write_recipe(workspace.settings.file, edits))
        written.append(f"recipe: {recipe}")
    before, after = session.start.dataset.train, session.final.dataset.train
    if before is not after:
        written.append(f"training data: {write_split(after, before, folder)}")
    return written


def _verdict(session: Session) -> str:
    cause = cause_of(session.outcomes)
    return f"{_outcome(session)} As the project stood: {cause}." if cause else _outcome(session)


def _outcome(session: Session) -> str:
    if not session.changed:
        right = accuracy(session.first.test)
        state = f"accuracy {percent(right)} on {len(session.first.test):,} test rows"
        if not session.proofs and not session.not_tried:
            return (
                f"The project is healthy: nothing was found to mend, nothing was changed; {state}."
            )
        tried = counted(len(session.proofs), "change")
        late = f", {len(session.not_tried):,} not tried for want of time" * bool(session.not_tried)
        return f"Nothing was changed: {tried} tried, none proven better{late}; {state}."
    word = next(proof for proof in session.last_word if proof.metric == session.metric)
    name = "Accuracy" if word.metric == "accuracy" else "Macro-F1"
    moved = {Verdict.BETTER: "rose", Verdict.WORSE: "fell"}.get(word.verdict, "went")
    gain = word.difference
    certain = "" if moved != "went" else ", which is not certain"
    kept = sum(proof.kept for proof in session.proofs)
    return (
        f"{name} {moved} from {100 * word.control.value:.1f} % to {100 * word.change.value:.1f} % "
        f"on {word.rows:,} unseen rows ({100 * gain.value:+.1f} points, 95 % interval "
        f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}){certain}; "
        f"{kept} of {counted(len(session.proofs), 'change')} kept."
    )


def _sections(session: Session, notes: tuple[str, ...], written: list[str]) -> list[Section]:
    sections: list[Section] = []
    if session.not_tried or notes:
        sections.append(
            Section(id="notes", title="Worth knowing", text="\n".join((*notes, *session.not_tried)))
        )
    if session.last is not session.first:
        after = curves(session.last.trace, title="Learning curves of the final recipe")
        sections.append(msgspec.structs.replace(after, id="curves-after"))
    sections.append(curves(session.first.trace, title="Learning curves as the project stood"))
    sections.append(confusion_matrix(session.last.test))
    remaining = tuple(
        (finding.code, finding.name, finding.message) for finding in session.remaining
    )
    if session.changed and remaining:
        sections.append(
            Section(
                id="remaining",
                title="Still there after tuning",
                evidence=(
                    Table(
                        name="remaining findings",
                        columns=("code", "check", "finding"),
                        rows=remaining,
                        total=len(remaining),
                    ),
                ),
            )
        )
    sections.append(Section(id="written", title="Written", text="\n".join(written)))
    if session.last_word:
        sections.append(before_after(session.last_word, session.last_word[0].rows))
    return sections


def _facts(session: Session, folder: Path) -> dict[str, object]:
    facts: dict[str, object] = {
        "folder": str(folder),
        "seconds": round(session.seconds, 1),
        "changed": session.changed,
        "healthy": not session.changed and not session.proofs and not session.not_tried,
    }
    for proof in session.last_word:
        facts[proof.metric] = {
            "before": proof.control.value,
            "after": proof.change.value,
            "difference": proof.difference.value,
            "low": proof.difference.low,
            "high": proof.difference.high,
            "p": proof.p_value,
            "rows": proof.rows,
        }
    return facts
