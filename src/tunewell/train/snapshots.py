"""Snapshots on disk, from which a killed training goes on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from tunewell.core.errors import InputError, SettingsError
from tunewell.train.keeper import Keeper

MARK, KEEPER = "tunewell.json", "keeper.pt"
SHARE = 0.005
"""Snapshots may take this share of the run's time so far."""


class Snapshots(TrainerCallback):  # type: ignore[misc]  # transformers has no types
    """Has the trainer write its checkpoint now and then, and adds what the keeper remembers.

    Args:
        mark: what must be the same when the run is taken up again.
        keeper: of this run.
        every: seconds between two snapshots, at least.
        share: of the run's time that they may take.
    """

    def __init__(
        self,
        mark: Mapping[str, Any],
        keeper: Keeper,
        *,
        every: float,
        share: float = SHARE,
    ) -> None:
        self.mark, self.keeper = dict(mark), keeper
        self.every, self.share = every, share
        self._began = self._last = self._asked = 0.0
        self._spent = self._cost = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """Begin to count."""
        self._began = self._last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002
        """Ask for a snapshot where one is due."""
        now = time.monotonic()
        within = self._spent + self._cost <= self.share * (now - self._began)
        if now - self._last >= self.every and within and state.global_step < state.max_steps:
            control.should_save = True
        self._asked = now
        return control

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """An evaluation before it is no part of its cost."""
        self._asked = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401, ARG002
        """The trainer has written its part; the mark comes last and says that all is there."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        torch.save(self.keeper.remembered(), folder / KEEPER)
        (folder / MARK).write_text(json.dumps(self.mark, sort_keys=True), encoding="utf-8")
        self._last = time.monotonic()
        self._cost = self._last - self._asked
        self._spent += self._cost


def whole_snapshots(folder: Path) -> list[Path]:
    """The snapshots in a run folder that were written to the end, oldest first."""
    found = [entry for entry in folder.glob("checkpoint-*") if (entry / MARK).is_file()]
    return sorted(found, key=lambda entry: int(entry.name.rpartition("-")[2]))


def snapshot_to_resume(folder: Path, mark: Mapping[str, Any]) -> Path:
    """The newest whole snapshot, if it was taken of the same training.

    Raises:
        InputError: if there is none.
        SettingsError: if settings or rows are others by now.
    """
    found = whole_snapshots(folder)
    if not found:
        message = (
            f"{folder}: holds no snapshot to resume from; `tunewell train --guard` writes one a "
            "minute or less often, and removes them when it ends"
        )
        raise InputError(message)
    try:
        then = json.loads((found[-1] / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        message = f"{found[-1] / MARK}: cannot be read; train anew without --resume"
        raise InputError(message) from None
    now = json.loads(json.dumps(dict(mark)))
    differ = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
    if differ:
        message = (
            f"{found[-1]}: was taken of another training: {', '.join(differ)} differ; "
            "train anew without --resume"
        )
        raise SettingsError(message)
    return found[-1]


def load_keeper(snapshot: Path, keeper: Keeper) -> None:
    """Give a keeper what it remembered when the snapshot was taken."""
    keeper.remember(torch.load(snapshot / KEEPER, weights_only=True, map_location="cpu"))


def remove_snapshots(folder: Path) -> None:
    """Remove what a finished run needs no longer."""
    for entry in whole_snapshots(folder):
        shutil.rmtree(entry, ignore_errors=True)
