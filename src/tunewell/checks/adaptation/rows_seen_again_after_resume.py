"""ADA032: after a restart the rows come in another order than they would have."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.core.words import counted
from tunewell.facts.restarts import BATCH, Sides, changed, require_restarts, sides
from tunewell.subjects.trace import Column, Restart, Trace

MARK = "batch_mark"


@check(
    "ADA032",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("S21",),
)
def rows_seen_again_after_resume(
    trace: Trace, *, min_share: float = 0.5, min_batches: int = 3, max_usual: float = 0.1
) -> Iterator[Finding]:
    """A resumed epoch begins again with rows that it had already seen, or takes another order.

    ## What it finds
    Batches after a restart that the same epoch had already trained on before it; and steps trained
    twice that got other rows the second time.

    ## Why it matters
    Some rows are trained on twice in an epoch and others never. The loss falls on rows that are
    known already, and looks better than it is.

    ## How it is measured
    The watcher gives each batch a number that is the same for the same tokens. Where steps were
    trained twice, with settings that leave the order alone, at least `min_share` of the numbers
    (0.5) of at least `min_batches` steps (3) differ. Otherwise: of the batches between the restart
    and the end of its epoch, as many as the epoch had had before it, at least `min_share` and
    `min_batches` occurred in the same epoch before the restart, where before it fewer than
    `max_usual` of them (0.1) occurred twice in an epoch. A new order of whole rows that mixes the
    batches anew is seen only where steps were trained twice.

    ## Example
    Resumed at step 340 with `ignore_data_skip`: the batches of steps 341 to 380 are those of 301 to
    340.

    ## Fix
    `ignore_data_skip = false`, the same seed, batch size and number of processes as before.

    ## When it is wrong
    When rows are changed at random as they are read, so that no batch ever comes again.

    ## Sources
    transformers issue 33336, `TrainingArguments.ignore_data_skip`; fault S21 of the catalogue,
    reproduced with transformers 5.23.
    """
    looked = False
    for restart in require_restarts(trace):
        around = sides(trace, restart, MARK)
        if not len(around.after):
            continue
        looked = True
        steps, one, other = np.intersect1d(
            around.repeated.steps, around.after.steps, return_indices=True
        )
        if len(steps) >= min_batches:
            differ = around.repeated.values[one] != around.after.values[other]
            if differ.mean() >= min_share and not changed(restart, BATCH):
                yield _other_order(restart, steps, int(differ.sum()))
                return
            continue
        found = _again(trace, restart, around, max_usual)
        if found is not None and found[0] >= max(min_batches, min_share * found[1]):
            yield _twice(restart, around, *found)
            return
    if not looked:
        reason = "the watcher gave no batch of a resumed part a number"
        raise NotApplicableError(reason)


def _again(
    trace: Trace, restart: Restart, around: Sides, max_usual: float
) -> tuple[int, int] | None:
    """Batches that came again after the restart, of how many; None where it cannot be told."""
    length = _epoch_steps(sides(trace, restart, "epoch").before)
    if length is None:
        return None
    begin = restart.step // length * length
    before = trace.column(MARK).finite
    earlier = before.values[(before.steps > begin) & (before.steps <= restart.step)]
    if not len(earlier) or _usual(before, restart.step, length) > max_usual:
        return None
    after = around.after
    # In a resumed epoch the loader may begin a whole epoch of its own: as far as the old part went.
    keep = after.steps <= restart.step + len(earlier)
    later = after.values[keep]
    return int(np.isin(later, earlier).sum()), len(later)


def _epoch_steps(passes: Column) -> int | None:
    """Optimizer steps of an epoch, from the epochs that the log tells before the restart.

    After it the count is off where the rows begin anew.
    """
    good = (passes.values > 0) & (passes.steps > 0)
    if not good.any():
        return None
    length = float(np.median(passes.steps[good] / passes.values[good]))
    return max(1, math.ceil(length - 0.01))


def _usual(marks: Column, upto: int, length: int) -> float:
    """The share of batches before the restart that came twice within one epoch."""
    keep = marks.steps <= upto
    steps, values = marks.steps[keep], marks.values[keep]
    if not len(values):
        return 0.0
    epochs = (steps - 1) // length
    pairs = {(int(epoch), float(value)) for epoch, value in zip(epochs, values, strict=True)}
    return 1 - len(pairs) / len(values)


def _other_order(restart: Restart, steps: np.ndarray, differ: int) -> Finding:
    return Finding(
        message=(
            f"steps {int(steps[0]):,} to {int(steps[-1]):,} were trained again after the restart "
            f"at step {restart.step:,}, and {differ:,} of {len(steps):,} got other rows: the order "
            "of the rows was not restored"
        ),
        where=(Steps(metric=MARK, first=int(steps[0]), last=int(steps[-1])),),
        evidence=(
            Number(
                name="batches with other rows",
                value=100 * differ / len(steps),
                unit="%",
                bound="0 %",
            ),
        ),
        impact="some rows are seen twice in the epoch and others never",
        fixes=_fixes(restart),
    )


def _twice(restart: Restart, around: Sides, again: int, of: int) -> Finding:
    first = int(around.after.steps[0])
    return Finding(
        message=(
            f"{again:,} of the {counted(of, 'batch', 'batches')} after the restart at step "
            f"{restart.step:,} had been seen in the same epoch before it"
        ),
        where=(Steps(metric=MARK, first=first, last=first + of - 1),),
        evidence=(
            Number(name="batches seen again", value=100 * again / of, unit="%", bound="0 %"),
        ),
        impact="some rows are seen twice in the epoch and others never",
        fixes=_fixes(restart),
    )


def _fixes(restart: Restart) -> tuple[Fix, ...]:
    skips = restart.settings.get("ignore_data_skip")
    title = "set ignore_data_skip to false" if skips else "resume with the same seed, batch size "
    if not skips:
        title += "and number of processes, from a checkpoint with its rng_state"
    return (Fix(title=title, safety=Safety.MANUAL),)
