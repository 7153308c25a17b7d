"""The checkpoints that lie in a run's output folder, by the names of their files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OPTIMIZER_FILES = frozenset({"optimizer.pt", "optimizer.bin"})
SCHEDULER_FILE = "scheduler.pt"


@dataclass(frozen=True, slots=True)
class SavedStep:
    """One checkpoint of a Hugging Face Trainer.

    `step` and `of_steps` are the optimizer steps done and planned, as its trainer_state.json tells
    them; `of_steps` is None where it does not. `names` are the names of its files and folders;
    nothing in them is loaded. `modified_at` is in seconds since 1970.
    """

    path: Path
    step: int
    of_steps: int | None
    names: frozenset[str]
    modified_at: float = 0.0

    @property
    def holds(self) -> str:
        """What was saved: "adapter", "model", or "nothing" that can be trained on."""
        if any(name.startswith("adapter_model.") for name in self.names):
            return "adapter"
        whole = ("model.safetensors", "pytorch_model", "model-", "pytorch_model_fsdp")
        return "model" if any(name.startswith(whole) for name in self.names) else "nothing"

    @property
    def optimizer_kept(self) -> bool:
        """Whether the optimizer's state was saved, in one file or, sharded, in a folder."""
        sharded = ("global_step", "optimizer_", "rank")
        return bool(self.names & OPTIMIZER_FILES) or any(n.startswith(sharded) for n in self.names)

    @property
    def scheduler_kept(self) -> bool:
        """Whether the place in the learning-rate schedule was saved."""
        return SCHEDULER_FILE in self.names or any(n.startswith("global_step") for n in self.names)

    @property
    def finished(self) -> bool:
        """Whether the run that wrote it had come to its planned end."""
        return self.of_steps is not None and self.step >= self.of_steps


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class OutputFolder:
    """The output folder of a run as it lies there before the next one starts.

    `checkpoints` are in the order of their steps; there may be none. `starting_model` is the
    checkpoint that the recipe takes its model from, `resumed` the one that it names to be taken up,
    where that is one of a Trainer, here or elsewhere.
    """

    path: Path
    checkpoints: tuple[SavedStep, ...] = ()
    starting_model: SavedStep | None = None
    resumed: SavedStep | None = None
