"""HW018 unequal-batches, beside how accelerate deals batches out."""

from __future__ import annotations

import pytest

from tunewell.checks.hardware.unequal_batches import unequal_batches
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Hardware, Place, Recipe, Written
from tunewell.testing import CheckCases, dataset, run_check

OFF = Written(
    "TrainingArguments", "accelerator_config", value={"even_batches": False}, place=Place()
)
OFF_BY_ITSELF = Written("accelerate", "accelerator_config.even_batches", value=False, place=Place())
ON = Written("accelerate", "accelerator_config.even_batches", value=True, place=Place())


def recipe(
    written: Written | None = OFF, *, batch: int = 4, processes: int = 3, drop: bool = False
) -> Recipe:
    """A recipe for so many processes."""
    return Recipe(
        per_device_train_batch_size=batch,
        hardware=Hardware(world_size=processes, dataloader_drop_last=drop),
        written=() if written is None else (written,),
        format="transformers",
    )


def rows(count: int) -> Dataset:
    """So many rows."""
    return dataset(["a"] * count, ["x"] * count)


class TestUnequalBatches(CheckCases):
    """Planted, nearly faulty and clean divisions."""

    check = unequal_batches
    faulty = {
        "ten batches for three": (recipe(), rows(37)),
        "by a key of its own": (recipe(OFF_BY_ITSELF), rows(37)),
        "rows not known": (recipe(),),
    }
    nearly = {
        "nine batches for three": (recipe(), rows(36)),
        "an incomplete batch, but nine": (recipe(), rows(33)),
        "dropped": (recipe(drop=True), rows(37)),
        "evened out": (recipe(ON), rows(37)),
        "one process": (recipe(processes=1), rows(37)),
    }
    clean = {"the default": (recipe(None), rows(37))}


@pytest.mark.reproduces("P29")
@pytest.mark.parametrize("count", [33, 36, 37, 41, 48])
@pytest.mark.parametrize("drop", [False, True])
def test_accelerate_deals_them_out_like_this(count: int, *, drop: bool) -> None:
    """The check speaks exactly where the processes' shares differ."""
    from accelerate.data_loader import BatchSamplerShard
    from torch.utils.data import BatchSampler, SequentialSampler

    def share(process: int) -> int:
        batches = BatchSampler(SequentialSampler(range(count)), 4, drop)
        return len(list(BatchSamplerShard(batches, 3, process, even_batches=False)))

    unequal = len({share(process) for process in range(3)}) > 1
    found = run_check(unequal_batches, (recipe(drop=drop), rows(count))).findings
    assert bool(found) is unequal
