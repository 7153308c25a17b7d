"""HW004 disk-too-small, beside the sizes of what the Trainer writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.checks.tiny_trainers import arguments, language_model, saved_steps, token_rows

from tunewell.checks.hardware.disk_too_small import _saved, disk_too_small
from tunewell.preflight.arguments import recipe_of
from tunewell.readers.checkpoint import read_checkpoint
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe, Saving
from tunewell.testing import CheckCases, dataset

MODEL = Checkpoint(Path("model"), {"model_type": "bert"}, {"w": (100_000_000,)})
ROWS = dataset(["a b"] * 1600, ["x"] * 1600)
GB = 10**9


def machine(free: float, *, gpus: int | None = None) -> Machine:
    """A machine whose disk has so many bytes free."""
    return Machine(cores=4, memory_bytes=2**34, disk_free_bytes=int(free), gpus=gpus)


def foreign(
    *,
    steps: int = 1000,
    best: bool = False,
    optim: str = "adamw_torch",
    **saving: Any,  # noqa: ANN401
) -> Recipe:
    """A recipe of transformers that saves every 100 steps."""
    return Recipe(
        max_steps=steps,
        load_best_model_at_end=best,
        optim=optim,
        saving=Saving(**{"save_steps": 100, **saving}),
        format="transformers",
    )


class TestDiskTooSmall(CheckCases):
    """Planted, nearly faulty and clean disks."""

    check = disk_too_small
    faulty = {
        "not even the model": (Recipe(), MODEL, machine(0.3 * GB)),
        "one checkpoint only": (Recipe(), MODEL, machine(2 * GB)),
        "ten checkpoints without a limit": (foreign(), MODEL, machine(10 * GB)),
        "ten epochs": (
            Recipe(
                num_train_epochs=10, saving=Saving(save_strategy="epoch"), format="transformers"
            ),
            MODEL,
            machine(10 * GB),
        ),
        "counted by the rows": (foreign(steps=-1, save_steps=30), MODEL, machine(10 * GB), ROWS),
        "a limit of two and the new one": (
            foreign(save_total_limit=2),
            MODEL,
            machine(3.5 * GB),
        ),
        "the best and the newest": (
            foreign(save_total_limit=1, best=True),
            MODEL,
            machine(3.5 * GB),
        ),
        "weights alone, ten times": (foreign(save_only_model=True), MODEL, machine(4 * GB)),
    }
    nearly = {
        "just enough": (Recipe(), MODEL, machine(2.8 * GB)),
        "a limit of two": (foreign(save_total_limit=2), MODEL, machine(4.1 * GB)),
        "weights alone": (foreign(save_only_model=True), MODEL, machine(4.5 * GB)),
        "8-bit moments": (foreign(optim="adamw_8bit"), MODEL, machine(6.5 * GB)),
        "saved once": (foreign(save_steps=5000), MODEL, machine(1.7 * GB)),
        "looked at on a laptop": (
            Recipe(precision="bf16", max_steps=1000, format="transformers"),
            MODEL,
            machine(0.3 * GB, gpus=0),
        ),
    }
    clean = {
        "room": (Recipe(), MODEL, machine(10**12)),
        "no limit and room for all": (foreign(), MODEL, machine(10**12)),
        "adapters": (Recipe(method="lora"), MODEL, machine(0.3 * GB)),
        "nothing saved": (foreign(save_strategy="no"), MODEL, machine(0.5 * GB)),
    }


@pytest.mark.parametrize("only_model", [False, True])
def test_the_trainer_writes_so_many_bytes(tmp_path: Path, *, only_model: bool) -> None:
    """Twelve bytes a parameter, or four; small files and headers aside."""
    from transformers import Trainer

    trainer = Trainer(
        model=language_model(vocab_size=64, hidden_size=128, intermediate_size=512),
        args=arguments(tmp_path, max_steps=4, save_steps=2, save_only_model=only_model),
        train_dataset=token_rows(16),
    )
    trainer.train()
    assert saved_steps(tmp_path) == [2, 4]
    folder = tmp_path / "checkpoint-4"
    written = sum(
        (folder / name).stat().st_size
        for name in ("model.safetensors", "optimizer.pt")
        if (folder / name).is_file()
    )
    said = _saved(recipe_of(trainer), read_checkpoint(folder), None, 2)
    assert said.checkpoints == 2
    assert said.checkpoint == pytest.approx(written, rel=0.02)
