"""Which model a Trainer's run ended with, as far as its state and its folders can tell."""

from __future__ import annotations

import filecmp
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

WEIGHTS = ("model.safetensors", "adapter_model.safetensors")
"""One file holds the whole model or adapter; models in several files are not compared."""


def kept_step(
    state: Mapping[str, Any],
    root: Path,
    *,
    saved: Sequence[int],
    best: int | None,
    last: int,
) -> int | None:
    """The step of the model that a finished run kept, None where nothing tells.

    trainer_state.json does not hold `load_best_model_at_end`, so three other things are asked:
    the weights saved beside the checkpoints, which equal those of the checkpoint they come from;
    whether the run chose a best model at all, without which the last is kept; and whether the best
    checkpoint is gone while later ones are there: then only later models are left.
    """
    for name in WEIGHTS:
        for step in saved:
            if _same(root / name, root / f"checkpoint-{step}" / name):
                return step
    if state.get("best_metric") is None and state.get("best_model_checkpoint") is None:
        return last
    gone = best is not None and saved and best not in saved and saved[-1] > best
    return saved[-1] if gone and not any((root / name).is_file() for name in WEIGHTS) else None


def _same(one: Path, other: Path) -> bool:
    try:
        # Different weights differ within the first block that was trained.
        return one.stat().st_size == other.stat().st_size and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
