"""ADA013: a resumed run first reads again what it has trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place
from tunewell.facts.saved_steps import resumed_step
from tunewell.facts.trainer_script import streams
from tunewell.facts.written import value_of
from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script
from tunewell.subjects.trace import Trace


@check(
    "ADA013",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("S22",),
)
def batches_read_to_be_skipped(
    recipe: Recipe,
    folder: OutputFolder,
    script: Script | None,
    trace: Trace | None,
    *,
    most_minutes: float = 10.0,
    rows_a_second: float = 1000.0,
) -> Iterator[Finding]:
    """Before its first step, the resumed run reads every row of a stream that came before.

    ## What it finds
    A run that is resumed over streamed data, and needs more than `most_minutes` to get back to
    where it was.

    ## Why it matters
    A stream has no row numbers: the loader prepares each batch and throws it away. The GPU waits,
    and nothing says for how long. With rows that lie on the disk the sampler alone is moved on.

    ## How it is measured
    Steps of the checkpoint times the batches of a step. Seconds a batch are those that the earlier
    run waited for its data, where its log holds them; else the rows over `rows_a_second` (1,000:
    rows of some hundred tokens that are tokenised as they come, in one process). `most_minutes` is
    10, as in the catalogue.

    ## Example
    Resumed at step 50,000 with batches of 32: 1.6 million rows are read and thrown away.

    ## Fix
    `ignore_data_skip=True` where it does not matter which rows come next, or a loader that keeps
    its place (`StatefulDataLoader`).

    ## When it is wrong
    When the stream is faster than it is taken to be.

    ## Sources
    `skip_first_batches` of accelerate 1.15, with both kinds of data counted in a test; fault S22 of
    the catalogue.
    """
    saved = resumed_step(recipe, folder)
    if saved is None or recipe.saving.ignore_data_skip:
        reason = "the run does not resume a checkpoint that lies here, or skips nothing"
        raise NotApplicableError(reason)
    if not (value_of(recipe, "streaming") is True or (script is not None and streams(script))):
        reason = "the data is not streamed"
        raise NotApplicableError(reason)
    batches = saved.step * recipe.gradient_accumulation_steps
    seconds, how = _seconds(recipe, batches, trace, rows_a_second)
    if seconds <= 60 * most_minutes:
        return
    yield _finding(recipe, saved, batches, seconds, how, most_minutes)


def _seconds(
    recipe: Recipe, batches: int, trace: Trace | None, rows_a_second: float
) -> tuple[float, str]:
    waited = None if trace is None else trace.columns.get("data_seconds")
    if waited is not None and len(waited.values):
        return batches * float(np.median(waited.values)), "as the earlier run waited for its data"
    processes = recipe.hardware.world_size or 1
    rows = batches * recipe.per_device_train_batch_size * processes
    return rows / rows_a_second, f"at {rows_a_second:,.0f} rows a second"


def _finding(
    recipe: Recipe, saved: SavedStep, batches: int, seconds: float, how: str, most: float
) -> Finding:
    return Finding(
        message=(
            f"{saved.path.name} is resumed over streamed data: {batches:,} batches are read and "
            f"thrown away first, about {seconds / 60:,.0f} minutes {how}"
        ),
        where=(place(recipe, "saving.resume_from_checkpoint"),),
        evidence=(
            Number(
                name="minutes before the first step",
                value=seconds / 60,
                unit="minutes",
                bound=f"at most {most:g}",
            ),
        ),
        impact="the GPU waits and is paid for",
        fixes=(
            Fix(
                title="begin the stream anew: ignore_data_skip",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "saving.ignore_data_skip", new=True),),
            ),
        ),
    )
