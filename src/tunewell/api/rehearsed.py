"""Build the trainer that files describe, rehearse it, and put what was seen to the rest."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tunewell.api.gathered import Gathered
from tunewell.api.sections import no_mask, token_mask
from tunewell.core.check import NotRunError
from tunewell.core.document import Document
from tunewell.subjects.batch import Batch, Collated
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind
from tunewell.subjects.recipe import Recipe

if TYPE_CHECKING:
    from tunewell.preflight.rehearse import Rehearsal

SECONDS = "rehearsal_seconds"
NEEDED = ("torch", "transformers", "datasets", "trl")
"""What building a trainer of TRL imports; checking files alone needs none of it."""

NOTHING_TO_BUILD = (
    "rows are shown as tokens where a trainer can be built: pass conversations, prompts with "
    "completions or texts, and a model's folder with --model; or use tunewell run SCRIPT"
)
TRAINED_BY_TRL = frozenset({Kind.CHAT, Kind.COMPLETION, Kind.TEXT})
"""Kinds of data for which TRL's SFTTrainer needs no more than the file."""


def rehearse_files(gathered: Gathered, *, show_mask: int = 0) -> dict[str, float]:
    """Build the trainer of TRL that the files describe, rehearse it, and add what was seen.

    Nothing is added where the files describe none. What the files say themselves stays: the recipe
    with its lines, the data, the model's folder.

    Returns:
        Seconds that each part of the rehearsal took.
    """
    recipe, dataset, checkpoint = (_of(gathered, kind) for kind in (Recipe, Dataset, Checkpoint))
    recipe = recipe or (_by_default(dataset) if show_mask else None)
    if recipe is None or recipe.format != "trl" or dataset is None or checkpoint is None:
        if show_mask:
            gathered.sections.append(no_mask(NOTHING_TO_BUILD))
        return {}
    files = [source.path for source in (dataset.train.sources or (dataset.train.source,))]
    try:
        rehearsal, rows = _rehearsed(recipe, files, checkpoint.path)
    except NotRunError as reason:
        gathered.missing.setdefault("Batch", str(reason))
        if show_mask:
            gathered.sections.append(no_mask(str(reason)))
        return {}
    known = {type(subject) for subject in gathered.subjects}
    gathered.subjects += [
        _with_rows(subject, rows) if isinstance(subject, Batch) else subject
        for subject in rehearsal.subjects
        if type(subject) not in known
    ]
    gathered.missing |= rehearsal.missing
    gathered.inapplicable |= rehearsal.inapplicable
    show_rows(gathered, rehearsal, show_mask, rows)
    return rehearsal.seconds


def with_seconds(document: Document, seconds: dict[str, float]) -> Document:
    """The document with the seconds that the parts of a rehearsal took."""
    if not seconds:
        return document
    rounded = {name: round(value, 3) for name, value in seconds.items()}
    return msgspec.structs.replace(document, facts={**document.facts, SECONDS: rounded})


def _rehearsed(
    recipe: Recipe, files: Sequence[Path], model: Path
) -> tuple[Rehearsal, tuple[int, ...]]:
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if absent:
        message = f"building the trainer needs {', '.join(absent)}: pip install {' '.join(absent)}"
        raise NotRunError(message)
    from tunewell.preflight.assemble import assembled
    from tunewell.preflight.rehearse import rehearse

    with assembled(recipe, files, model) as made:
        rehearsal = rehearse(made.trainer)
        prepared = made.trainer.train_dataset
        # Rows that were dropped or packed on the way have no number in the file any more.
        kept = made.rows if len(prepared) == len(made.rows) else ()
        return rehearsal, kept


def _by_default(dataset: Dataset | None) -> Recipe | None:
    """What TRL does with such data where nothing is set."""
    if dataset is None or dataset.train.kind not in TRAINED_BY_TRL:
        return None
    return Recipe(task="sft", format="trl", learning_rate=2e-5)


def show_rows(
    gathered: Gathered, rehearsal: Rehearsal, show_mask: int, rows: Sequence[int] | None = None
) -> None:
    """Add the section with rows as tokens where it is wanted, or why there are none."""
    batch = next((s for s in rehearsal.subjects if isinstance(s, Batch)), None)
    if show_mask and batch is None:
        gathered.sections.append(no_mask(rehearsal.missing.get("Batch", "no batch was made")))
    if show_mask and batch is not None:
        shown = batch if rows is None else _with_rows(batch, rows)
        gathered.sections.append(token_mask(shown, show_mask))


def _with_rows(batch: Batch, rows: Sequence[int]) -> Batch:
    """The batch with its rows numbered as in the file."""

    def renumbered(sample: Collated) -> Collated:
        numbered = tuple(
            dataclasses.replace(
                row, index=rows[row.index] if rows and row.index is not None else None
            )
            for row in sample.rows
        )
        same = bool(rows) and tuple(rows) == tuple(range(len(rows)))
        return dataclasses.replace(sample, rows=numbered, trained=sample.trained if same else None)

    return dataclasses.replace(batch, train=renumbered(batch.train))


def _of(gathered: Gathered, kind: type) -> Any:  # noqa: ANN401  the kind that was asked for
    return next((subject for subject in gathered.subjects if isinstance(subject, kind)), None)
