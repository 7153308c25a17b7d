"""ADA010: the checkpoint that is taken up holds weights alone."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, File, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import place
from tunewell.facts.saved_steps import resumed_step
from tunewell.subjects.output_folder import OutputFolder
from tunewell.subjects.recipe import Recipe


@check("ADA010", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("S19",))
def resumed_without_optimizer(recipe: Recipe, folder: OutputFolder) -> Iterator[Finding]:
    """The run is resumed from a checkpoint without the optimizer or the learning-rate schedule.

    ## What it finds
    A checkpoint that is to be resumed and has no `optimizer.pt` or no `scheduler.pt`, as
    `save_only_model=True` leaves it.

    ## Why it matters
    The step is counted on, but the schedule starts again at its first step: the rate jumps from its
    end back to its peak, with AdamW's moments at zero. Nothing is said. Where one of the two files
    is missing, the Trainer leaves the other unread too.

    ## How it is measured
    By the names of the files in the checkpoint; none is opened. Sharded states of DeepSpeed and
    FSDP are known by their folders.

    ## Example
    Five steps saved with `save_only_model=True` and resumed to eight: the rates are 1.0e-3, 8e-4,
    6e-4, 4e-4, 2e-4, and then 1.0e-3 again.

    ## Fix
    Resume from a checkpoint with all its files. Without one, start a new run from these weights
    with a low rate and a warm-up of its own, and keep `save_only_model` off in runs to be resumed.

    ## When it is wrong
    When a trainer of one's own keeps its states under other names.

    ## Sources
    `Trainer._load_optimizer_and_scheduler` of transformers 5.23; fault S19 of the catalogue,
    reproduced with it.
    """
    saved = resumed_step(recipe, folder)
    if saved is None:
        reason = "the run does not resume a checkpoint that lies here"
        raise NotApplicableError(reason)
    lacking = [
        name
        for name, kept in (
            ("optimizer.pt", saved.optimizer_kept),
            ("scheduler.pt", saved.scheduler_kept),
        )
        if not kept
    ]
    if not lacking:
        return
    yield Finding(
        message=(
            f"{saved.path.name} is resumed at step {saved.step:,} and has no "
            f"{' and no '.join(lacking)}: the learning-rate schedule starts again at its first step"
        ),
        where=(File(path=str(saved.path)), place(recipe, "saving.resume_from_checkpoint")),
        evidence=(Text(name="files of the checkpoint", text=", ".join(sorted(saved.names))),),
        impact="the learning rate jumps back to its peak and the optimizer forgets its moments",
        fixes=(
            Fix(
                title="resume from a checkpoint that was saved without save_only_model",
                safety=Safety.MANUAL,
            ),
        ),
    )
