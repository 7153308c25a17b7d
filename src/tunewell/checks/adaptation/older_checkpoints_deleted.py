"""ADA012: a new run writes among the checkpoints of an older one."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.recipe import place
from tunewell.facts.run_length import in_steps, planned_steps, times
from tunewell.facts.saved_steps import resumes, same
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Recipe


@check("ADA012", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("S29",))
def older_checkpoints_deleted(
    recipe: Recipe, folder: OutputFolder, dataset: Dataset | None
) -> Iterator[Finding]:
    """The limit on saved checkpoints deletes those of an earlier run in the same folder.

    ## What it finds
    A new run, with `save_total_limit`, in a folder that holds checkpoints of an earlier one: an
    error where the model that this run starts from is among those that will be deleted, information
    where others are.

    ## Why it matters
    The limit counts every checkpoint in the folder, whoever wrote it, and deletes the oldest. With
    an adapter the deleted base is needed for as long as the adapter is. On a disk whose times of
    change cannot be trusted the lowest steps count as oldest: then the new run's own checkpoints
    are deleted as they are written.

    ## How it is measured
    By playing the saves of the run through: after each, the oldest go until the limit is kept; the
    newest always stays. The number of saves follows from `save_steps` and the length of the run,
    one at least.

    ## Example
    `checkpoint-10` and `checkpoint-20` of last week, and a run with `save_total_limit=2` that saves
    twice: both are gone.

    ## Fix
    A new `output_dir`, or resume the run that is there.

    ## When it is wrong
    When the earlier run is not needed any more.

    ## Sources
    `rotate_checkpoints` of transformers 5.23; fault S29 of the catalogue. The older cases of S29,
    where the best checkpoint itself was deleted, are mended in 5.23: the best and the newest stay.
    """
    limit = recipe.saving.save_total_limit
    if limit is None or limit <= 0 or recipe.saving.save_strategy == "no":
        reason = "no checkpoint is deleted"
        raise NotApplicableError(reason)
    if resumes(recipe):
        reason = "the run goes on with the one that is there"
        raise NotApplicableError(reason)
    gone = _deleted(folder, limit, _saves(recipe, dataset))
    if not gone:
        return
    start = folder.starting_model
    base = start is not None and any(same(start.path, saved.path) for saved in gone)
    kept = f"save_total_limit={limit}"
    yield Finding(
        message=(
            f"this run deletes the model it starts from: {kept} counts {start.path.name} too"
            if base and start is not None
            else f"this run deletes {counted(len(gone), 'checkpoint')} of an earlier one: {kept} "
            f"counts all that lie in {folder.path.name}"
        ),
        severity=Severity.ERROR if base else Severity.INFO,
        confidence=Confidence.HIGH if base else Confidence.MEDIUM,
        where=(
            place(recipe, "saving.save_total_limit"),
            *(File(path=str(saved.path)) for saved in gone),
        ),
        evidence=(
            Table(
                name="checkpoints that are deleted",
                columns=("checkpoint", "step"),
                rows=tuple((saved.path.name, saved.step) for saved in gone),
                total=len(gone),
            ),
        ),
        impact="what was trained before is lost",
        fixes=(Fix(title="write to a folder of its own: output_dir", safety=Safety.MANUAL),),
    )


def _saves(recipe: Recipe, dataset: Dataset | None) -> int:
    """How often the run saves at least."""
    total = planned_steps(recipe, dataset)
    if total is None or recipe.saving.save_strategy != "steps":
        return 1
    return times(in_steps(recipe.saving.save_steps, total), total)


def _deleted(folder: OutputFolder, limit: int, saves: int) -> tuple[SavedStep, ...]:
    """The earlier checkpoints that are deleted, the oldest first."""
    oldest = sorted(folder.checkpoints, key=lambda saved: (saved.modified_at, saved.step))
    surplus = len(oldest) + saves - limit
    return tuple(oldest[: max(0, min(surplus, len(oldest)))])
