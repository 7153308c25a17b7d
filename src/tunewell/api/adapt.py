"""`tunewell adapt`: has the data moved; retrain with old rows kept; accept or refuse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunewell.adapt import record
from tunewell.adapt.drift import measure_shift
from tunewell.adapt.gate import MARGIN, Gate, gate
from tunewell.core.document import Document, Examined, Section
from tunewell.core.errors import InputError
from tunewell.core.finding import Table
from tunewell.core.progress import Progress, Silent
from tunewell.engine.documents import build
from tunewell.engine.examine import examine
from tunewell.readers.data import read_split
from tunewell.report.write import write
from tunewell.subjects.data_shift import DataShift
from tunewell.subjects.dataset import Dataset, Split

if TYPE_CHECKING:
    from tunewell.adapt.retrain import Retrained
    from tunewell.api.workspace import Workspace

FAMILIES = frozenset({"adaptation"})
SHIFTS = frozenset({"data-moved", "label-shares-moved", "new-labels"})
LABELS_SHOWN = 20


def adapt(
    workspace: Workspace,
    new: Path,
    *,
    current: Path | None = None,
    check_only: bool = False,
    keep_share: float = 1.0,
    margin: float = MARGIN,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Document:
    """Compare new data with the project's; where it has moved, retrain and judge the candidate.

    Nothing is trained where the data has not moved, or with `check_only`. The current model is
    never changed: the candidate is written to a folder of its own under `workspace.runs`, and the
    decision to `models.jsonl` there.

    Args:
        workspace: the project of the current model.
        new: the new rows, in any format that is read.
        current: the current model; by default the last accepted one, else the tuned or
            the trained one.
        check_only: only say whether the data has moved.
        keep_share: share of the old training rows to keep.
        margin: loss of accuracy on old rows that is still taken as none.
        threads: of torch; its own choice where None.
        progress: where progress is shown.

    Raises:
        UserError: if data, model or settings cannot be used.
    """
    progress = progress or Silent()
    old = workspace.data
    fresh = _read_new(new, old)
    model = current or _current(workspace.runs)
    if current is not None and not (current / "config.json").is_file():
        message = f"{current}: is no model folder: it has no config.json"
        raise InputError(message)
    progress.begin("comparing new data with current data")
    shift = measure_shift(old.train, fresh, model=model, seed=workspace.recipe.seed)
    progress.end()
    outcomes = examine([shift], settings=workspace.settings, families=FAMILIES)
    moved = any(finding.name in SHIFTS for finding in outcomes.findings)
    examined = [*workspace.examined, _examined(fresh)]
    if model is not None:
        examined.append(Examined(what="current model", path=str(model), reason="in use"))
    if check_only or not moved:
        return build(
            "adapt",
            outcomes,
            verdict=_shift_verdict(shift, moved=moved, check_only=check_only),
            title=str(workspace.root.resolve().name),
            examined=examined,
            sections=_shift_sections(shift),
            facts={"shift": _shift_facts(shift, moved=moved)},
        )
    if model is None:
        message = (
            f"{workspace.root}: the data has moved, but there is no current model to hold a new "
            "one against: pass --current FOLDER"
        )
        raise InputError(message)
    return _retrain(
        workspace,
        old,
        fresh,
        shift=shift,
        model=model,
        keep_share=keep_share,
        margin=margin,
        threads=threads,
        progress=progress,
        examined=examined,
    )


def _retrain(
    workspace: Workspace,
    old: Dataset,
    fresh: Split,
    *,
    shift: DataShift,
    model: Path,
    keep_share: float,
    margin: float,
    threads: int | None,
    progress: Progress,
    examined: list[Examined],
) -> Document:
    from tunewell.adapt.retrain import retrain

    folder = _next_folder(workspace.runs / "adapt")
    candidate = retrain(
        workspace.recipe,
        old,
        fresh,
        current=model,
        folder=folder,
        keep_share=keep_share,
        progress=progress,
        threads=threads,
    )
    decided = gate(candidate.old, candidate.new, margin=margin)
    outcomes = examine([shift, candidate.old], settings=workspace.settings, families=FAMILIES)
    record.append(workspace.runs, _entry(decided, candidate, model))
    document = build(
        "adapt",
        outcomes,
        verdict=_gate_verdict(decided, candidate),
        title=str(workspace.root.resolve().name),
        examined=examined,
        sections=[_gate_section(decided, candidate), *_shift_sections(shift)],
        proofs=(decided.old, decided.new),
        facts={
            "shift": _shift_facts(shift, moved=True),
            "decision": decided.decision.value,
            "reasons": list(decided.reasons),
            "candidate": str(candidate.model),
            "current": str(model),
            "seconds": round(candidate.seconds, 1),
        },
    )
    write(document, folder / "document.json")
    write(document, folder / "report.html")
    return document


def _read_new(path: Path, old: Dataset) -> Split:
    """The new rows by the columns of the old ones, or by a guess where those are not there."""
    source = old.train.source
    try:
        return read_split(
            path,
            name="new",
            text=source.text_column,
            label=source.label_column,
            label_required=False,
        )
    except InputError:
        return read_split(path, name="new", label_required=False)


def _current(runs: Path) -> Path | None:
    trained = (runs / name / "model" for name in ("tune", "train"))
    return record.accepted(runs) or next((model for model in trained if model.is_dir()), None)


def _next_folder(parent: Path) -> Path:
    number = 1
    while (parent / f"{number:03}").exists():
        number += 1
    return parent / f"{number:03}"


def _examined(fresh: Split) -> Examined:
    return Examined(
        what="new data",
        path=str(fresh.source.path),
        reason=f"{len(fresh):,} rows of {fresh.source.format}; {fresh.source.reason}",
    )


def _shift_verdict(shift: DataShift, *, moved: bool, check_only: bool) -> str:
    rows = f"the {shift.new_rows:,} new rows"
    if moved:
        tail = "; nothing was trained, as asked" if check_only else ""
        return f"The data has moved: {rows} differ from the {shift.current_rows:,} current{tail}."
    return (
        f"The data has not moved: {rows} are like the {shift.current_rows:,} current ones "
        f"(p = {shift.text_p:.2f} by {shift.features}); nothing was retrained."
    )


def _gate_verdict(decided: Gate, candidate: Retrained) -> str:
    reasons = " and ".join(decided.reasons)
    what = {
        "accept": f"The data has moved, and the retrained model is accepted: {reasons}. It is in "
        f"{candidate.model}.",
        "refuse": f"The data has moved, but the retrained model is refused: {reasons}. Keep the "
        "current model.",
        "not enough data": "The data has moved; there is not enough data to accept the retrained "
        f"model: {reasons}. Keep the current model.",
    }
    return what[decided.decision.value]


def _gate_section(decided: Gate, candidate: Retrained) -> Section:
    rows = tuple(
        (
            name,
            proof.rows,
            round(100 * proof.control.value, 1),
            round(100 * proof.change.value, 1),
            f"{100 * proof.difference.low:+.1f} to {100 * proof.difference.high:+.1f}",
            proof.verdict.value,
        )
        for name, proof in (("old rows", decided.old), ("new rows", decided.new))
    )
    return Section(
        id="gate",
        title="Current model against candidate",
        text=f"Trained on {candidate.mixture.sentence}. Decision: {decided.decision.value}.",
        evidence=(
            Table(
                name="accuracy",
                columns=("judged on", "rows", "current %", "candidate %", "difference", "verdict"),
                rows=rows,
                total=len(rows),
            ),
        ),
    )


def _shift_sections(shift: DataShift) -> list[Section]:
    labels = sorted(shift.labels, key=lambda label: (label.known, -label.new_rows, label.name))
    shares = tuple((label.name, label.current_rows, label.new_rows) for label in labels)
    moved = tuple((row.line, row.label, row.text[:120]) for row in shift.moved)
    sections = [
        Section(
            id="shift",
            title="Has the data moved",
            text=(
                f"Texts: p = {shift.text_p:.3f} by {shift.features}, on "
                f"{shift.tested_rows[0]:,} current and {shift.tested_rows[1]:,} new rows. "
                + (
                    f"Label shares: p = {shift.label_p:.3f}."
                    if shift.label_p is not None
                    else "Label shares were not tested."
                )
            ),
            evidence=(
                Table(
                    name="new rows least like the current ones",
                    columns=("line", "label", "text"),
                    rows=moved,
                    total=len(moved),
                ),
            ),
        )
    ]
    if shares:
        sections.append(
            Section(
                id="labels",
                title="Rows of each label",
                evidence=(
                    Table(
                        name="rows of each label",
                        columns=("label", "current", "new"),
                        rows=shares[:LABELS_SHOWN],
                        total=len(shares),
                    ),
                ),
            )
        )
    return sections


def _shift_facts(shift: DataShift, *, moved: bool) -> dict[str, Any]:
    return {
        "moved": moved,
        "text_p": shift.text_p,
        "text_effect": shift.text_effect,
        "label_p": shift.label_p,
        "label_effect": shift.label_effect,
        "unseen_labels": [label.name for label in shift.unseen_labels],
    }


def _entry(decided: Gate, candidate: Retrained, model: Path) -> record.Entry:
    return record.Entry(
        time=record.now(),
        decision=decided.decision.value,
        current=str(model),
        candidate=str(candidate.model),
        train_rows=candidate.mixture.sentence,
        reasons=decided.reasons,
        old_accuracy=(decided.old.control.value, decided.old.change.value),
        new_accuracy=(decided.new.control.value, decided.new.change.value),
    )
