"""HW019: the other processes give up waiting while one prepares the rows."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Safety, Severity
from tunewell.facts.recipe import change, place
from tunewell.facts.writing.lengths import lengths
from tunewell.facts.written import value_of
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe

DEFAULT_TIMEOUT = 1800.0
"""Seconds that torch waits for a process, and the default of `ddp_timeout`."""

WORKERS = ("dataset_num_proc", "preprocessing_num_workers", "dataset_processes")
"""What TRL, LLaMA-Factory and axolotl call the number of processes that prepare the rows."""


@check(
    "HW019",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P21",),
)
def preparation_outlasts_timeout(
    recipe: Recipe, dataset: Dataset, *, characters_a_second: float = 1_000_000.0
) -> Iterator[Finding]:
    """Tokenising the rows takes longer than the other processes wait.

    ## What it finds
    A run of several processes whose rows take longer to tokenise than `ddp_timeout`.

    ## Why it matters
    The first process prepares the rows for all; the others wait at a barrier. After the timeout
    they end the run ("Watchdog caught collective operation timeout"), half an hour of every GPU
    lost, and the next start begins from nothing again.

    ## How it is measured
    Characters of all rows over `characters_a_second` and the processes that prepare them. The
    default is a million: `Dataset.map` with a fast tokenizer, one thread, was measured at 0.7 to
    0.8 million on a slow core. `ddp_timeout` is 1,800 seconds where nothing is said.

    ## Example
    4 thousand million characters in one process: more than an hour.

    ## Fix
    Tokenise once before the run and load the result, prepare in more processes
    (`dataset_num_proc`), or raise `ddp_timeout`.

    ## When it is wrong
    When the rows were tokenised by an earlier run on the same disk and are read from the cache.

    ## Sources
    `TrainingArguments.main_process_first` and `ddp_timeout` of transformers 5.23; fault P21 of the
    catalogue, which needs several GPUs to be seen: the arithmetic alone is tested.
    """
    if (recipe.hardware.world_size or 1) <= 1:
        reason = "no other process waits"
        raise NotApplicableError(reason)
    asked = value_of(recipe, *WORKERS)
    workers = asked if isinstance(asked, int) and asked > 0 else 1
    characters = sum(int(lengths(split).sum()) for split in dataset.splits)
    seconds = characters / characters_a_second / workers
    timeout = recipe.hardware.ddp_timeout or DEFAULT_TIMEOUT
    if seconds <= timeout:
        return
    yield Finding(
        message=(
            f"tokenising {characters:,} characters takes about {seconds / 60:,.0f} minutes, and "
            f"the other processes wait {timeout / 60:,.0f}"
        ),
        where=(place(recipe, "hardware.ddp_timeout"),),
        evidence=(
            Number(
                name="tokenising", value=seconds, unit="seconds", bound=f"at most {timeout:,.0f}"
            ),
        ),
        impact="the run ends before its first step",
        fixes=(
            Fix(title="tokenise the rows before the run", safety=Safety.MANUAL),
            Fix(
                title="wait twice as long as it takes",
                safety=Safety.SAFE,
                edits=(change(recipe, "hardware.ddp_timeout", 2.0 * round(seconds)),),
            ),
        ),
    )
