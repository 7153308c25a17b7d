"""The batch that needs the most memory: the longest rows through the trainer's own collator."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import Trainer

from tunewell.core.check import NotRunError
from tunewell.preflight.collate import prepared, told
from tunewell.preflight.rows import MEASURED, Chosen, choose
from tunewell.preflight.stage import Stage, core_of, task_of

PROMPT, ANSWERS = "prompt_ids", ("chosen_ids", "rejected_ids", "completion_ids")
"""Columns of TRL's preference trainers, whose sequences are a prompt with one of its answers."""
IDS = "input_ids"


@dataclass(frozen=True, slots=True)
class Longest:
    """A collated batch, and whether every row of the set was measured for it."""

    batch: Any
    measured_all: bool


def longest_batch(trainer: Any, dataset: Any, size: int, *, split: str = "train") -> Longest:
    """Collate the longest rows of a data set, so many of them.

    Raises:
        NotRunError: if the set can be walked through only once, or the collator raises.
    """
    chosen = choose(dataset)
    if chosen is None:
        message = "the data set is empty or can be walked through only once"
        raise NotRunError(message)
    core = core_of(trainer.model)
    stage = Stage(trainer=trainer, task=task_of(trainer, core), core=core, train=chosen)
    rows = _longest(chosen.dataset, size)
    try:
        kept, collator = _loaded(stage, chosen, split)
        batch = collator([copy.copy(kept[row]) for row in rows])
    except Exception as error:
        message = f"the collator raises on the longest rows: {told(error)}"
        raise NotRunError(message) from error
    return Longest(batch, measured_all=len(chosen.dataset) <= MEASURED)


def _loaded(stage: Stage, chosen: Chosen, split: str) -> tuple[Any, Callable[..., Any]]:
    """Rows and collator as the trainer's loader has them; one with its own loader drops nothing."""
    trainer = stage.trainer
    if type(trainer).get_train_dataloader is not Trainer.get_train_dataloader:
        return chosen.dataset, copy.deepcopy(trainer.data_collator)
    return prepared(stage, chosen, split)


def _longest(dataset: Any, size: int) -> list[int]:
    """The longest rows, the longest first, and over again where there are fewer."""
    count = len(dataset)
    measured = np.arange(count)
    if count > MEASURED:
        measured = np.sort(np.random.default_rng(0).choice(count, MEASURED, replace=False))
    plain = dataset.with_format(None) if hasattr(dataset, "with_format") else dataset
    lengths = np.array([_length(plain[int(row)]) for row in measured], dtype=np.int64)
    order = measured[np.argsort(-lengths, kind="stable")]
    return [int(order[place % len(order)]) for place in range(size)]


def _length(row: Any) -> int:
    """Tokens of a row, or characters where nothing is tokenised yet; 0 where neither is told."""
    if not isinstance(row, Mapping):
        return 0
    if IDS in row:
        return len(row[IDS])
    if PROMPT in row:
        answers = [len(row[name]) for name in ANSWERS if name in row]
        return len(row[PROMPT]) + max(answers, default=0)
    return sum(len(value) for value in row.values() if isinstance(value, (str, list)))
