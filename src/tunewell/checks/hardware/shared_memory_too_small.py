"""HW048: the loader's workers hand over more than shared memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
from tunewell.core.words import counted
from tunewell.facts.machine import require_training_machine
from tunewell.facts.recipe import place
from tunewell.facts.written import value_of
from tunewell.subjects.batch import Batch
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe

MIB = 1024**2
REAL = frozenset({"pixel_values", "input_features", "input_values", "pixel_values_videos"})
"""Inputs of 4 bytes a value; all others of a batch are taken for int64."""

AHEAD = 2
"""Batches that each worker prepares ahead: `prefetch_factor` of PyTorch."""


@check("HW048", category=Category.CORRECTNESS, severity=Severity.WARNING)
def shared_memory_too_small(
    recipe: Recipe, machine: Machine, batch: Batch, *, usable: float = 1.0
) -> Iterator[Finding]:
    """Batches that the loader's workers prepare ahead do not fit in shared memory.

    ## What it finds
    An error where a single batch is larger than what is free in /dev/shm, a warning where all that
    the workers may prepare ahead are.

    ## Why it matters
    Workers hand batches over through shared memory. In a container it is 64 MiB unless more is
    asked for. The run ends with "Bus error ... insufficient shared memory (shm)" when the workers
    get ahead of the training, which may be hours later.

    ## How it is measured
    The shapes of a batch that the real collator made, the longest rows among its own, at 8 bytes a
    whole number and 4 a real one, times `dataloader_num_workers`, `dataloader_prefetch_factor`
    (2 where nothing is said), times the processes of the machine. `usable` is the share of /dev/shm
    that may be taken (1). Without workers nothing is handed over.

    ## Example
    64 images of 336 x 336 pixels are 83 MiB; 8 workers with 2 batches each hold 1.3 GiB, where
    Docker gives 64 MiB.

    ## Fix
    `docker run --ipc=host` or `--shm-size=16g`, or fewer workers.

    ## When it is wrong
    When the training never lets the workers get ahead.

    ## Sources
    The page of torch.utils.data ("shared memory"); Docker's default of 64 MiB for /dev/shm.
    """
    workers = recipe.hardware.dataloader_num_workers
    if not workers:
        reason = "batches are made in the process that trains"
        raise NotApplicableError(reason)
    require_training_machine(recipe, machine)
    shared = machine.shared_memory_bytes
    one = _bytes(batch.train.keys)
    if not shared or not one:
        reason = "the size of shared memory or of a batch is not known"
        raise NotApplicableError(reason)
    available = int(shared * usable)
    given = value_of(recipe, "dataloader_prefetch_factor")
    ahead = given if isinstance(given, int) else AHEAD
    processes = min(recipe.hardware.world_size or 1, machine.gpus or 1)
    held = one * workers * ahead * processes
    if held <= available:
        return
    sure = one > available
    yield Finding(
        message=(
            f"a batch is {one / MIB:,.0f} MiB, more than the {available / MIB:,.0f} MiB of shared "
            "memory through which workers hand it over"
            if sure
            else f"{counted(workers * processes, 'worker')} may hold {held / MIB:,.0f} MiB of "
            f"batches ready, and shared memory has {available / MIB:,.0f} MiB"
        ),
        severity=Severity.ERROR if sure else Severity.WARNING,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        where=(place(recipe, "hardware.dataloader_num_workers"),),
        evidence=(
            Number(
                name="batches held ready",
                value=float(held),
                unit="bytes",
                bound=f"at most {available:,} bytes",
            ),
            Table(
                name="what is multiplied",
                columns=("factor", "value"),
                rows=(
                    ("bytes of a batch", one),
                    ("workers", workers),
                    ("batches ahead", ahead),
                    ("processes", processes),
                ),
                total=4,
            ),
        ),
        impact="the run ends with a bus error",
        fixes=(Fix(title="docker run --ipc=host, or --shm-size=16g", safety=Safety.MANUAL),),
    )


def _bytes(shapes: Mapping[str, tuple[int, ...]]) -> int:
    total = 0
    for name, shape in shapes.items():
        values = 1
        for side in shape:
            values *= side
        total += values * (4 if name in REAL else 8)
    return total
