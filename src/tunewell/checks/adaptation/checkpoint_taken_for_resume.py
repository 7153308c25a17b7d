"""ADA011: a run that is meant to go on starts from the beginning."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Location,
    LogLine,
    Safety,
    Severity,
    Text,
)
from tunewell.facts.recipe import place
from tunewell.facts.saved_steps import resumes, same
from tunewell.facts.trainer_script import mentions, trainer_methods
from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script

ARGUMENT = "resume_from_checkpoint"


@check(
    "ADA011",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("S24",),
)
def checkpoint_taken_for_resume(
    recipe: Recipe, folder: OutputFolder | None, script: Script | None
) -> Iterator[Finding]:
    """The weights of an unfinished run are loaded, and its training starts again at step 0.

    ## What it finds
    - an error where the arguments name a checkpoint to be resumed, and the script calls
      `trainer.train()` without it: the Trainer does not read that argument itself;
    - a warning where the model is a checkpoint in the run's own output folder, of a run that had
      not come to its end, and nothing is resumed.

    ## Why it matters
    `from_pretrained(checkpoint)` loads weights alone. The step, the schedule, the optimizer and the
    order of the rows start again: the learning rate climbs through its warm-up a second time, and
    the rows of the first part are trained on twice.

    ## How it is measured
    By the script as it is written, and by the `trainer_state.json` of the checkpoint, which tells
    the steps that were done and those that were planned. A finished run that is trained further,
    and a checkpoint of another run's folder, are a new stage of training and left alone.

    ## Example
    `TrainingArguments(..., resume_from_checkpoint="out/checkpoint-500")` and `trainer.train()`.

    ## Fix
    `trainer.train(resume_from_checkpoint=...)`, with the model loaded as it was at the start.

    ## When it is wrong
    When the run is meant to begin anew from those weights.

    ## Sources
    `TrainingArguments.resume_from_checkpoint` of transformers 5.23 ("not directly used by
    Trainer"); fault S24 of the catalogue, reproduced with it.
    """
    if script is not None and _never_passed_on(recipe, script):
        yield _argument_unread(recipe, script)
        return
    if folder is None or resumes(recipe):
        reason = "the run is resumed, or its output folder is not at hand"
        raise NotApplicableError(reason)
    saved = folder.starting_model
    if saved is None or saved.of_steps is None or saved.finished:
        return
    if same(saved.path.parent, folder.path):
        yield _weights_alone(recipe, saved)


def _never_passed_on(recipe: Recipe, script: Script) -> bool:
    """Whether the arguments of a script name a checkpoint that its trainer never hears of."""
    if not resumes(recipe) or recipe.file is None or not same(recipe.file, script.path):
        return False
    calls = trainer_methods(script, "train")
    return bool(calls) and all(call.gives(ARGUMENT) is False for call in calls)


def _argument_unread(recipe: Recipe, script: Script) -> Finding:
    calls = trainer_methods(script, "train")
    sure = not mentions(script, "TrainerCallback", "inner_training_loop")
    where: tuple[Location, ...] = (
        place(recipe, "saving.resume_from_checkpoint"),
        *(LogLine(file=str(script.path), line=call.line) for call in calls),
    )
    return Finding(
        message=(
            "the arguments name a checkpoint to resume, and trainer.train() is called without it: "
            "the run starts at step 0"
        ),
        where=where,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        evidence=(Text(name=ARGUMENT, text=str(recipe.saving.resume_from_checkpoint)),),
        impact="what was trained before is thrown away without a word",
        fixes=(
            Fix(
                title="call trainer.train(resume_from_checkpoint=args.resume_from_checkpoint)",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _weights_alone(recipe: Recipe, saved: SavedStep) -> Finding:
    return Finding(
        message=(
            f"the model is {saved.path.name} of this run's own folder, at step {saved.step:,} of "
            f"{saved.of_steps or 0:,}: only its weights are loaded, and the run starts at step 0"
        ),
        where=(place(recipe, "model"), File(path=str(saved.path))),
        impact="warm-up and schedule run a second time over rows that were trained on",
        fixes=(
            Fix(
                title=f'to go on with it: trainer.train(resume_from_checkpoint="{saved.path}")',
                safety=Safety.MANUAL,
            ),
        ),
    )
