"""A plan of a trainer as it stands: its arguments, its model's shapes, its rows."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from tunewell.api.planning.flags import Flags, overridden
from tunewell.api.planning.opened import Opened, OwnStep, require_sizes, resolve_gpu
from tunewell.core.document import Examined
from tunewell.core.errors import InputError
from tunewell.engine.settings import Settings
from tunewell.knowledge import gpus
from tunewell.readers.checkpoint import position_limit
from tunewell.readers.machine import read_machine
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.tokenization import Tokenization

AROUND_THE_STEP = frozenset({"gpu", "gpus", "torch", "rows", "tokens", "epochs"})
"""Flags that leave the step as it is."""

ROWS_MEASURED = 10_000
"""Rows whose tokens are counted: a trainer's data set can be large, and reading it takes time."""


def open_trainer(
    trainer: Any,  # noqa: ANN401  transformers has no types
    flags: Flags,
    settings: Settings,
    *,
    machine: Machine | None = None,
) -> Opened:
    """What a Hugging Face trainer would do, with the flags over it. The trainer stays as it is.

    Raises:
        InputError: if it is no trainer.
        SettingsError: if a flag cannot be used.
    """
    from tunewell.preflight.arguments import is_trainer, recipe_of
    from tunewell.preflight.simulated import simulate_trainer

    if not is_trainer(trainer):
        message = f"plan takes paths or one Hugging Face trainer, not {type(trainer).__name__}"
        raise InputError(message)
    flags.validate()
    recipe = recipe_of(trainer)
    checkpoint, assumed = _checkpoint(trainer, recipe.model)
    gpu, resolved = resolve_gpu(flags.gpu)
    here = machine or read_machine()
    gpu = gpu or (gpus.find(here.gpu_name) if here.gpu_name else None)
    over = overridden(recipe, flags, stored=None, bf16=gpu is None or gpu.bf16, written=True)
    if flags.gpu is not None and gpu is not None:
        here = dataclasses.replace(
            here, gpu_name=gpu.name, gpu_bytes=gpu.memory_bytes, gpus=flags.gpus or 1
        )
    rows, tokenization, counted = _rows(trainer, over.recipe.max_length)
    return Opened(
        title=type(trainer).__name__,
        settings=settings,
        flags=flags,
        recipe=over.recipe,
        checkpoint=checkpoint,
        dataset=None,
        tokenization=tokenization,
        machine=here,
        gpu=gpu,
        over=over,
        written=True,
        elsewhere=here.gpu_bytes is None,
        rows=rows,
        examined=(
            Examined(
                what="trainer",
                path=type(trainer).__name__,
                reason=f"{type(trainer.model).__name__} with {type(trainer.args).__name__}",
            ),
        ),
        assumptions=(*assumed, *resolved, *counted, *over.assumptions),
        own=None if changed(flags) else lambda device: OwnStep(*simulate_trainer(trainer, device)),
    )


def changed(flags: Flags) -> bool:
    """Whether the flags make another step of the trainer's."""
    return any(
        getattr(flags, field.name) is not None
        for field in dataclasses.fields(flags)
        if field.name not in AROUND_THE_STEP
    )


def _checkpoint(
    trainer: Any,  # noqa: ANN401  transformers has no types
    named: str | None,
) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """What the model's configuration says, None where it has none or one that says no sizes."""
    config = getattr(trainer.model, "config", None)
    if config is None or not hasattr(config, "to_dict"):
        return None, ()
    described = config.to_dict()
    name = named or type(trainer.model).__name__
    checkpoint = Checkpoint(path=Path(name), config=described, max_length=position_limit(described))
    try:
        return checkpoint, require_sizes(checkpoint)
    except InputError:
        return None, ()


def _rows(
    trainer: Any,  # noqa: ANN401  transformers has no types
    cut: int | None,
) -> tuple[int | None, Tokenization | None, tuple[str, ...]]:
    """How many rows there are, the tokens of the first of them, and what was left out."""
    dataset = trainer.train_dataset
    if dataset is None or not hasattr(dataset, "__len__"):
        return None, None, ("the number of rows is not known: the data set has no length",)
    count = len(dataset)
    lengths = []
    for row in itertools.islice(dataset, ROWS_MEASURED):
        ids = row.get("input_ids") if isinstance(row, dict) else None
        if ids is None:
            return count, None, ()
        lengths.append(len(ids))
    said: tuple[str, ...] = ()
    if count > ROWS_MEASURED:
        said = (f"the longest of the first {ROWS_MEASURED:,} of {count:,} rows counts",)
    if not lengths:
        return count, None, said
    measured = Tokenization(
        split="train",
        lengths=np.array(lengths, dtype=np.int64),
        max_length=cut,
        model_limit=None,
    )
    return count, measured, said
