"""HW004: what the run will save does not fit on the disk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
)
from tunewell.core.words import counted
from tunewell.facts.machine import require_training_machine
from tunewell.facts.optimizer_states import state_bytes
from tunewell.facts.recipe import change, place
from tunewell.facts.run_length import in_steps, planned_steps, times
from tunewell.facts.weights import loaded_weights
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe

MIB = 1024**2
BYTES_PER_VALUE = 4
HALF = frozenset({"bfloat16", "float16"})


@dataclass(frozen=True, slots=True)
class Saved:
    """Bytes of a saved model and of a checkpoint, and how many lie on the disk at once.

    `counted` says that the number follows from the run, and is not the least there can be.
    """

    model: int
    checkpoint: int
    checkpoints: int
    counted: bool

    @property
    def wanted(self) -> int:
        """Bytes of all of them."""
        return self.model + self.checkpoints * self.checkpoint


@check(
    "HW004",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def disk_too_small(
    recipe: Recipe,
    checkpoint: Checkpoint,
    machine: Machine,
    dataset: Dataset | None,
    *,
    checkpoints: int = 2,
) -> Iterator[Finding]:
    """The disk has less room than the checkpoints and the model will take.

    ## What it finds
    An error where not even the finished model fits on the disk; a warning where the model and the
    checkpoints that the run keeps do not.

    ## Why it matters
    The disk fills when the first results are there: the run dies while it saves, and what it was
    saving is torn.

    ## How it is measured
    A saved model is 4 bytes a parameter, 2 where the weights are loaded in 16 bits. A checkpoint
    holds the model and what the optimizer keeps, 8 bytes a parameter for AdamW, unless
    `save_only_model` is set. The run's checkpoints are counted by its length and `save_steps`, up
    to `save_total_limit` and one more, for a new one is written before an old one is removed. Where
    they cannot be counted there are at least `checkpoints` of them (2). Having no limit is no fault
    by itself. Adapters are left out: they are small.

    ## Example
    A model of 1.5 thousand million parameters, 18 GB a checkpoint, saved 20 times without a limit,
    on a disk with 200 GB.

    ## Fix
    Set `save_total_limit` to what fits, make room, or let the runs be written to another disk.

    ## When it is wrong
    When runs go to another disk than the one that was looked at, or something else moves the
    checkpoints away while it trains.

    ## Sources
    Files that `Trainer.save_model` and `Trainer._save_checkpoint` of transformers 5.23 write, whose
    sizes are compared in a test.
    """
    if recipe.method != "full":
        reason = "adapters take little room"
        raise NotApplicableError(reason)
    if not checkpoint.tensors:
        reason = "the model folder does not say its shapes"
        raise NotApplicableError(reason)
    require_training_machine(recipe, machine)
    saved = _saved(recipe, checkpoint, dataset, checkpoints)
    free = machine.disk_free_bytes
    if free >= saved.wanted:
        return
    lost = free < saved.model
    needed = saved.model if lost else saved.wanted
    what = (
        "the finished model takes"
        if lost
        else (f"the model and {counted(saved.checkpoints, 'checkpoint')} take")
    )
    yield Finding(
        message=f"{what} {needed / MIB:,.0f} MiB, and the disk has {free / MIB:,.0f} MiB free",
        severity=Severity.ERROR if lost else Severity.WARNING,
        confidence=Confidence.HIGH if lost else Confidence.MEDIUM,
        where=(File(path=str(checkpoint.path)), place(recipe, "saving.save_total_limit")),
        evidence=(
            Number(
                name="free on the disk",
                value=float(free),
                unit="bytes",
                bound=f"at least {needed:,} bytes",
            ),
        ),
        impact="the run dies while it saves",
        fixes=_fixes(recipe, saved, free, needed),
    )


def _saved(recipe: Recipe, checkpoint: Checkpoint, dataset: Dataset | None, least: int) -> Saved:
    values, saving = checkpoint.parameters, recipe.saving
    loaded = loaded_weights(recipe, checkpoint)
    half = loaded is not None and loaded.dtype in HALF
    model = values * (2 if half else BYTES_PER_VALUE)
    states = 0.0 if saving.save_only_model else state_bytes(recipe.optim) / (2 if half else 1)
    one = model + int(values * states)
    if recipe.format == "tunewell":
        return Saved(model, one, least, counted=False)
    saves = _saves(recipe, dataset)
    limit = saving.save_total_limit
    if limit is not None and limit > 0:
        # With the best one kept, a limit of one leaves two: the best and the newest.
        kept = max(limit, 2) if recipe.load_best_model_at_end else limit
        return Saved(model, one, min(saves or kept + 1, kept + 1), counted=True)
    return Saved(model, one, least if saves is None else saves, counted=saves is not None)


def _saves(recipe: Recipe, dataset: Dataset | None) -> int | None:
    """How often the run saves a checkpoint, None where that cannot be counted."""
    strategy = recipe.saving.save_strategy
    if strategy == "no":
        return 0
    if strategy == "epoch" and recipe.max_steps <= 0:
        return max(1, math.ceil(recipe.num_train_epochs))
    total = planned_steps(recipe, dataset)
    if strategy != "steps" or total is None:
        return None
    return times(in_steps(recipe.saving.save_steps, total), total)


def _fixes(recipe: Recipe, saved: Saved, free: int, needed: int) -> tuple[Fix, ...]:
    room = Fix(
        title=f"make {(needed - free) / MIB:,.0f} MiB of room or write elsewhere",
        safety=Safety.MANUAL,
    )
    limit = (free - saved.model) // saved.checkpoint - 1
    if not saved.counted or limit < (2 if recipe.load_best_model_at_end else 1):
        return (room,)
    return (
        Fix(
            title=f"keep {limit} of the checkpoints: save_total_limit",
            safety=Safety.SAFE,
            edits=(change(recipe, "saving.save_total_limit", limit),),
        ),
        room,
    )
