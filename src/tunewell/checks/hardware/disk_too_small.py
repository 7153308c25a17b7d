"""HW004: what the run will save does not fit on the disk."""

from __future__ import annotations

from collections.abc import Iterator

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
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe

MIB = 1024**2
BYTES_PER_VALUE = 4


@check(
    "HW004",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def disk_too_small(
    recipe: Recipe, checkpoint: Checkpoint, machine: Machine, *, checkpoints: int = 2
) -> Iterator[Finding]:
    """The disk has less room than the checkpoints and the model will take.

    ## What it finds
    An error where not even the finished model fits on the disk; a warning where the model and
    `checkpoints` checkpoints do not.

    ## Why it matters
    The disk fills when the first results are there: the run dies while it saves, and what it was
    saving is torn.

    ## How it is measured
    A saved model is 4 bytes a parameter; a checkpoint holds the model and AdamW's two moments, 12
    bytes a parameter. `checkpoints` is 2: a new one is written before the old one is removed.
    Adapters are left out: they are small.

    ## Example
    A model of 110 million parameters, 0.4 GB saved and 1.3 GB a checkpoint, on a disk with 1 GB.

    ## Fix
    Make room, or let the runs be written to another disk.

    ## When it is wrong
    When runs go to another disk than the one that was looked at, or only weights are saved.

    ## Sources
    Files that `Trainer.save_model` and `Trainer._save_checkpoint` of transformers 5.23 write.
    """
    if recipe.method != "full":
        reason = "adapters take little room"
        raise NotApplicableError(reason)
    if not checkpoint.tensors:
        reason = "the model folder does not say its shapes"
        raise NotApplicableError(reason)
    model = checkpoint.parameters * BYTES_PER_VALUE
    wanted = model + checkpoints * 3 * model
    free = machine.disk_free_bytes
    if free >= wanted:
        return
    lost = free < model
    needed = model if lost else wanted
    yield Finding(
        message=(
            (
                f"the finished model takes {needed / MIB:,.0f} MiB"
                if lost
                else f"the model and {checkpoints} checkpoints take {needed / MIB:,.0f} MiB"
            )
            + f", and the disk has {free / MIB:,.0f} MiB free"
        ),
        severity=Severity.ERROR if lost else Severity.WARNING,
        confidence=Confidence.HIGH if lost else Confidence.MEDIUM,
        where=(File(path=str(checkpoint.path)),),
        evidence=(
            Number(
                name="free on the disk",
                value=float(free),
                unit="bytes",
                bound=f"at least {needed:,} bytes",
            ),
        ),
        impact="the run dies while it saves",
        fixes=(
            Fix(
                title=f"make {(needed - free) / MIB:,.0f} MiB of room or write elsewhere",
                safety=Safety.MANUAL,
            ),
        ),
    )
