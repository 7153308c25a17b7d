"""HW046: most batches fit, and the one with the longest row does not."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.machine import require_training_machine, require_whole_model_on_gpu
from tunewell.facts.recipe import change, place
from tunewell.plan.for_recipe import BatchNeeds, batch_needs, memory_of
from tunewell.plan.memory import ModelSize
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization

GIB = 1024**3


@check(
    "HW046",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("P13",),
)
def longest_batch_comes_late(
    recipe: Recipe,
    checkpoint: Checkpoint,
    machine: Machine,
    tokenization: Tokenization,
    *,
    usable: float = 1.0,
) -> Iterator[Finding]:
    """Most batches fit on the GPU, and the one with the longest row does not.

    ## What it finds
    A run whose usual batch fits in the GPU's memory beyond doubt, and whose longest batch is beyond
    doubt larger than it.

    ## Why it matters
    Rows come in random order. The run trains for minutes or hours and ends with an out-of-memory
    error at the batch that holds the longest row, somewhere in the first epoch.

    ## How it is measured
    A batch is padded to its longest row. The memory of a batch of the longest row that training
    meets (after the cut at `max_length`) is held against that of a usual one: as long as 95 of 100
    random batches are at most. Both follow from the shapes of the model by arithmetic that was 0.77
    to 1.35 times what was measured over 51 steps on an H200. It is reported where the usual batch,
    with a third added, fits in nine tenths of the GPU, and the longest with a quarter taken off
    does not fit in all of it. What lies between is left to HW001, or to a simulation; so are kinds
    of runs that the arithmetic was not held against (eager attention, weights packed in 8 bits,
    experts). `usable` is the share of the GPU's memory that may be taken (1).

    ## Example
    Batches of 16 rows of at most 300 tokens, and one row of 4,000 tokens among 20,000.

    ## Fix
    Cut the longest rows (`max_length`), or a smaller batch with more accumulation, which learns the
    same. To know at once, train one step on the longest batch first.

    ## When it is wrong
    Where rows of the same length share smaller batches, in a sampler of the user's own.

    ## Sources
    benchmarks/results/closed_form_on_gpu.json; fault P13 of the catalogue.
    """
    require_training_machine(recipe, machine)
    available = int(require_whole_model_on_gpu(recipe, machine) * usable)
    size = ModelSize.of(checkpoint, task=recipe.task)
    if size is None:
        reason = "the model folder does not say its shapes"
        raise NotApplicableError(reason)
    needs = batch_needs(recipe, checkpoint, size, tokenization)
    if needs is None:
        reason = "rows are packed or few, or the formula was never held against such a model"
        raise NotApplicableError(reason)
    if not needs.comes_late(available):
        return
    yield Finding(
        message=(
            f"the longest batch ({needs.length:,} tokens a row) needs about "
            f"{needs.longest.total / GIB:,.1f} GiB and {machine.gpu_name or 'the GPU'} has "
            f"{available / GIB:,.1f} GiB; 95 of 100 batches have at most {needs.usual_length:,} "
            f"tokens a row and need about {needs.usual.total / GIB:,.1f} GiB"
        ),
        where=(
            place(recipe, "per_device_train_batch_size"),
            place(recipe, "max_length"),
        ),
        evidence=(
            Number(
                name="memory of the longest batch",
                value=float(needs.longest.total),
                unit="bytes",
                bound=f"at most {available:,} bytes",
            ),
            Table(
                name="memory by kind",
                columns=("kind", "GiB, usual batch", "GiB, longest batch"),
                rows=tuple(
                    (kind, round(usual / GIB, 2), round(needs.longest.by_kind[kind] / GIB, 2))
                    for kind, usual in needs.usual.by_kind.items()
                ),
                total=len(needs.usual.by_kind),
            ),
        ),
        impact=(
            "out of memory at the batch with the longest row, one of "
            f"{needs.batches:,} batches of the first epoch"
        ),
        fixes=_fixes(recipe, checkpoint, size, needs, available),
    )


def _fixes(
    recipe: Recipe, checkpoint: Checkpoint, size: ModelSize, needs: BatchNeeds, available: int
) -> tuple[Fix, ...]:
    cut = Fix(
        title=f"cut rows at {max(needs.usual_length, 1):,} tokens, where that loses nothing needed",
        safety=Safety.MANUAL,
    )
    batch, accumulated = recipe.per_device_train_batch_size, recipe.gradient_accumulation_steps
    while batch > 1 and batch % 2 == 0:
        batch, accumulated = batch // 2, accumulated * 2
        needed = memory_of(recipe, checkpoint, size, batch=batch, length=needs.length)
        if needed.total <= available:
            return (
                Fix(
                    title=f"{batch} rows at a time, accumulated {accumulated} times",
                    safety=Safety.SAFE,
                    edits=(
                        change(recipe, "per_device_train_batch_size", batch),
                        change(recipe, "gradient_accumulation_steps", accumulated),
                    ),
                ),
                cut,
            )
    return (cut,)
