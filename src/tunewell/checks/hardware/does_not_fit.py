"""HW001: the training step needs more memory than the machine has."""

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
    Table,
)
from tunewell.facts.machine import require_training_machine, shared_out
from tunewell.facts.recipe import change
from tunewell.plan.for_recipe import batch_needs, longest_row, memory_of, size_of
from tunewell.plan.memory import Memory, ModelSize
from tunewell.plan.needed import Needed
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.tokenization import Tokenization

GIB = 1024**3


@check(
    "HW001",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("P25",),
)
def does_not_fit(
    recipe: Recipe,
    checkpoint: Checkpoint,
    machine: Machine,
    tokenization: Tokenization | None,
    planned: Needed | None,
    *,
    usable: float = 1.0,
) -> Iterator[Finding]:
    """Model, gradients and optimizer do not fit in the machine's memory.

    ## What it finds
    An error where weights, gradients and AdamW's moments alone are more than the memory there is:
    no batch size helps. A warning where they fit, but the estimate with activations does not.

    ## Why it matters
    The run ends with an out-of-memory error: before the first step, or hours later when the
    longest batch comes. In main memory the machine swaps, or the system kills the process.

    ## How it is measured
    In `tunewell plan`, and for files or a trainer on a machine with a GPU where the range of the
    formula below leaves it open and PyTorch is installed, by the simulated step: an error where not
    even the least memory is there with which the step runs, a warning where that is there and what
    PyTorch's allocator takes is not. What lies within the simulation's range of error has medium
    confidence. Elsewhere by arithmetic from the shapes in the model's files, with the recipe's own
    optimizer, precision, adapter, four-bit loading and checkpointing. The sum of weights, gradients
    and moments is a lower bound of any step: of 75 steps measured on an H200 none took less. The
    estimate adds activations for the longest row. On 51 of those steps, of the kinds that it was
    made for, it was 14 % off on average and from 0.77 to 1.35 of what was measured; of pairs, eager
    attention and packed weights without checkpointing it knows less. `usable` is the share of the
    memory that may be taken: 1, because only what cannot fit at all is an error. A run that
    DeepSpeed or FSDP shards is left alone where its sharding was not simulated, and so is one that
    `device_map` splits, and so is a recipe that asks for a GPU on a machine that has none, and a
    warning where only the longest batch is too large: that is HW046's to say.

    ## Example
    Full fine-tuning of a model of 7 thousand million parameters in fp32, 112 GB of states, on a
    GPU of 80 GB.

    ## Fix
    For the error: train adapters (LoRA), load frozen weights in four bits, use an 8-bit optimizer,
    or take a larger machine. For the warning: a smaller batch with more accumulation, which learns
    the same.

    ## When it is wrong
    With offloading that the recipe does not tell.

    ## Sources
    Korthikanti et al. 2022; the T4 measurements of fitcheck-llm;
    benchmarks/results/closed_form_on_gpu.json. Fault P25 of the catalogue.
    """
    require_training_machine(recipe, machine)
    device = machine.gpu_bytes if machine.gpu_bytes is not None else machine.memory_bytes
    available = int(device * usable)
    if planned is not None and planned.exact:
        yield from _simulated(planned, checkpoint, machine, available)
        return
    if shared_out(recipe):
        reason = "the model is shared out over several devices"
        raise NotApplicableError(reason)
    size = size_of(checkpoint, task=recipe.task)
    if size is None:
        reason = "the model folder does not say its shapes"
        raise NotApplicableError(reason)
    length = longest_row(recipe, checkpoint, tokenization)
    batch = recipe.per_device_train_batch_size
    needed = memory_of(recipe, checkpoint, size, batch=batch, length=length)
    if available <= 0 or needed.total <= available:
        return
    hopeless = needed.low > available
    if not hopeless and tokenization is not None:
        needs = batch_needs(recipe, checkpoint, size, tokenization)
        if needs is not None and needs.comes_late(available):
            return  # said by longest-batch-comes-late
    what = machine.gpu_name or "main memory"
    least = needed.low if hopeless else needed.total
    yield Finding(
        message=(
            f"training needs {'at least' if hopeless else 'about'} {least / GIB:,.1f} GiB, and "
            f"{what} has {available / GIB:,.1f} GiB"
        ),
        severity=Severity.ERROR if hopeless else Severity.WARNING,
        confidence=Confidence.HIGH if hopeless else Confidence.MEDIUM,
        where=(File(path=str(checkpoint.path)),),
        evidence=(
            Number(
                name="memory needed",
                value=round(least / GIB, 1),
                unit="GiB",
                bound=f"at most {available / GIB:,.1f} GiB",
            ),
            Table(
                name="memory by kind",
                columns=("kind", "GiB"),
                rows=tuple((k, round(v / GIB, 2)) for k, v in needed.by_kind.items()),
                total=len(needed.by_kind),
            ),
        ),
        impact="the run ends with an out-of-memory error",
        fixes=(
            (_advice(recipe, needed),)
            if hopeless
            else _smaller_batch(recipe, checkpoint, size, length, available)
        ),
    )


def _simulated(
    planned: Needed, checkpoint: Checkpoint, machine: Machine, available: int
) -> Iterator[Finding]:
    """What the simulation says, in the same numbers as the plan."""
    verdict = planned.verdict(available) if available > 0 else "fits"
    if verdict == "fits":
        return
    what = machine.gpu_name or "main memory"
    hopeless = verdict == "does-not-fit"
    least = planned.smallest if hopeless else planned.process
    # What lies within the error of the simulation is no certainty.
    sure = planned.smallest * planned.low / planned.process > available
    yield Finding(
        message=(
            f"training needs {'at least' if hopeless else 'up to'} {least / GIB:,.1f} GiB, and "
            f"{what} has {available / GIB:,.1f} GiB"
        ),
        severity=Severity.ERROR if hopeless else Severity.WARNING,
        confidence=Confidence.HIGH if hopeless and sure else Confidence.MEDIUM,
        where=(File(path=str(checkpoint.path)),),
        evidence=(
            Number(
                name="memory needed",
                value=round(planned.process / GIB, 1),
                unit="GiB",
                bound=f"at most {available / GIB:,.1f} GiB",
            ),
        ),
        impact="the run ends with an out-of-memory error",
        fixes=(
            Fix(
                title="the plan says what to change, and which GPUs hold it"
                if hopeless
                else "set PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",
                safety=Safety.MANUAL if hopeless else Safety.SAFE,
            ),
        ),
    )


def _advice(recipe: Recipe, needed: Memory) -> Fix:
    """What needs less and is not done yet, or else more memory."""
    if recipe.adapter is None:
        less = "train adapters (LoRA)"
    elif not (recipe.hardware.load_in_4bit or recipe.hardware.load_in_8bit):
        less = "load the frozen weights in four bits (QLoRA)"
    else:
        less = "cut rows shorter"
    return Fix(
        title=f"{less}, or take a machine with at least {needed.high / GIB:,.0f} GiB",
        safety=Safety.MANUAL,
    )


def _smaller_batch(
    recipe: Recipe, checkpoint: Checkpoint, size: ModelSize, length: int, available: int
) -> tuple[Fix, ...]:
    batch, accumulated = recipe.per_device_train_batch_size, recipe.gradient_accumulation_steps
    while batch > 1 and batch % 2 == 0:
        batch, accumulated = batch // 2, accumulated * 2
        if memory_of(recipe, checkpoint, size, batch=batch, length=length).total <= available:
            return (
                Fix(
                    title=f"{batch} rows at a time, accumulated {accumulated} times",
                    safety=Safety.SAFE,
                    edits=(
                        change(recipe, "per_device_train_batch_size", batch),
                        change(recipe, "gradient_accumulation_steps", accumulated),
                    ),
                ),
            )
    as_it_is = recipe.per_device_train_batch_size
    return (_advice(recipe, memory_of(recipe, checkpoint, size, batch=as_it_is, length=length)),)
