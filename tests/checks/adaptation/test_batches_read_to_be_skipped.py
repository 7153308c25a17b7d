"""ADA013 batches-read-to-be-skipped, beside what a resumed Trainer reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.checks.tiny_trainers import arguments, language_model

from tunewell.checks.adaptation.batches_read_to_be_skipped import batches_read_to_be_skipped
from tunewell.preflight.arguments import recipe_of
from tunewell.readers.output_folder import read_output_folder
from tunewell.subjects.output_folder import OutputFolder, SavedStep
from tunewell.subjects.recipe import Place, Recipe, Saving, Written
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, run_check, trace

STREAMED = (Written("llamafactory", "streaming", value=True, place=Place()),)
LOADS = Script(Path("t.py"), ast.parse("ds = load_dataset('c4', streaming=True)"))
SLOW, FAST = trace(data_seconds=[0.5] * 9), trace(data_seconds=[0.001] * 9)


def folder(step: int) -> OutputFolder:
    """A folder whose last checkpoint is at this step."""
    out = Path("out")
    return OutputFolder(out, (SavedStep(out / f"checkpoint-{step}", step, 10**6, frozenset()),))


def recipe(
    written: tuple[Written, ...] = STREAMED, *, ignore: bool = False, resumed: bool = True
) -> Recipe:
    """A recipe that resumes, with batches of 32."""
    saving = Saving(resume_from_checkpoint=resumed, ignore_data_skip=ignore)
    return Recipe(per_device_train_batch_size=32, saving=saving, written=written)


class TestBatchesReadToBeSkipped(CheckCases):
    """Planted, nearly faulty and clean runs."""

    check = batches_read_to_be_skipped
    faulty = {
        "1.6 million rows": (recipe(), folder(50_000)),
        "streamed by the script": (recipe(()), folder(50_000), LOADS),
        "slow data": (recipe(), folder(2000), SLOW),
    }
    nearly = {
        "few": (recipe(), folder(2000)),
        "fast data": (recipe(), folder(50_000), FAST),
        "begun anew": (recipe(ignore=True), folder(50_000)),
        "rows on the disk": (recipe(()), folder(50_000)),
        "not resumed": (recipe(resumed=False), folder(50_000)),
    }
    clean = {"an empty folder": (recipe(), OutputFolder(Path("out")))}


ROW = {"input_ids": list(range(3, 11)), "labels": list(range(3, 11))}


@pytest.mark.reproduces("S22")
@pytest.mark.parametrize(("streamed", "read"), [(True, 20), (False, 8)])
def test_a_stream_is_read_again(tmp_path: Path, *, streamed: bool, read: int) -> None:
    """Resumed at step 3 of 5 with batches of 4: 20 rows of a stream, 8 of rows on the disk."""
    from torch.utils.data import Dataset, IterableDataset
    from transformers import Trainer, default_data_collator

    seen: list[int] = []

    class Rows(Dataset[Any]):
        def __len__(self) -> int:
            return 64

        def __getitem__(self, at: int) -> dict[str, list[int]]:
            seen.append(at)
            return ROW

    class Stream(IterableDataset[Any]):
        def __iter__(self) -> Iterator[dict[str, list[int]]]:
            for at in range(64):
                seen.append(at)
                yield ROW

    def run(resumed: bool | None, **steps: Any) -> Any:  # noqa: ANN401
        trainer = Trainer(
            model=language_model(),
            args=arguments(tmp_path, **steps),
            train_dataset=Stream() if streamed else Rows(),
            data_collator=default_data_collator,
        )
        trainer.train(resume_from_checkpoint=resumed)
        return trainer

    run(None, max_steps=3, save_steps=3)
    lies_there = read_output_folder(tmp_path)
    seen.clear()
    resumed = run(True, max_steps=5, save_strategy="no")
    assert read <= len(seen) <= read + 4
    # Three batches of four rows at a row in two minutes are 24 minutes.
    subjects = (recipe_of(resumed, resume=True), lies_there, *([LOADS] if streamed else []))
    told = run_check(batches_read_to_be_skipped, subjects, rows_a_second=1 / 120).findings
    assert bool(told) is streamed
    assert not told or "3 batches are read and thrown away first" in told[0].message
