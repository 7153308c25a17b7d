"""How a run is spread over GPUs and machines, and the texts that start it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tunewell.core.errors import UserError
from tunewell.plan.step import Precision
from tunewell.subjects.recipe import Recipe

Strategy = Literal["single", "ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp-hybrid"]
Offload = Literal["none", "optimizer", "parameters"]

AUTHOR = "Written by `tunewell plan --fit`"
WIDTH = 96
"""Characters of a comment's line."""

DEEPSPEED: dict[Strategy, int] = {"zero1": 1, "zero2": 2, "zero3": 3}
"""The stage of ZeRO: 1 shards the optimizer's states, 2 the gradients too, 3 the weights too."""

FSDP: frozenset[Strategy] = frozenset({"fsdp", "fsdp-hybrid"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a run goes, and what its processes share.

    `command` is the script with its arguments (("train.py", "--config", "run.yaml")), without what
    starts it. `gpus` is a machine's, `nodes` the number of machines; `gpu` is a name of the table
    of GPUs. `offload` moves the optimizer's states, or these and the weights, to main memory.
    `layer` is the class of the model's repeated layer ("LlamaDecoderLayer"), None where the model
    itself says it. With `checkpointing` layers are recomputed in the backward pass.

    Raises:
        UserError: if the parts contradict one another.
    """

    command: tuple[str, ...]
    gpu: str | None = None
    gpus: int = 1
    nodes: int = 1
    strategy: Strategy = "single"
    offload: Offload = "none"
    precision: Precision = "bf16"
    checkpointing: bool = False
    layer: str | None = None

    def __post_init__(self) -> None:
        reason = self._contradiction()
        if reason is not None:
            message = f"a layout of {self.nodes} x {self.gpus} GPUs as {self.strategy!r}: {reason}"
            raise UserError(message)

    @property
    def processes(self) -> int:
        """One process a GPU, on all machines together."""
        return self.gpus * self.nodes

    @property
    def stage(self) -> int | None:
        """The stage of ZeRO, None without DeepSpeed."""
        return DEEPSPEED.get(self.strategy)

    @property
    def words(self) -> str:
        """The GPUs in words: "2 machines with 8 x H100 each"."""
        name = self.gpu or "GPU"
        each = f"{self.gpus} x {name}"
        return each if self.nodes == 1 else f"{self.nodes} machines with {each} each"

    def _contradiction(self) -> str | None:
        if not self.command:
            return "it names no script"
        if self.gpus < 1 or self.nodes < 1:
            return "there must be at least one GPU"
        if self.strategy == "single" and self.processes > 1:
            return "one process uses one GPU; use 'ddp' or a sharded strategy"
        if self.strategy == "ddp" and self.processes == 1:
            return "data parallel needs more than one GPU"
        if self.strategy == "fsdp-hybrid" and self.nodes == 1:
            return "hybrid sharding shards within a machine and copies between machines"
        return self._bad_offload()

    def _bad_offload(self) -> str | None:
        if self.offload == "none":
            return None
        if self.strategy in {"single", "ddp"}:
            return "only ZeRO and FSDP offload"
        if self.strategy in FSDP and self.offload == "optimizer":
            return "FSDP offloads weights, gradients and states together: use 'parameters'"
        if self.stage in {1, 2} and self.offload == "parameters":
            return "weights are offloaded by ZeRO 3 alone"
        return None


@dataclass(frozen=True, slots=True)
class LaunchFile:
    """A file that starts a run: its name, its text, and in one line what it is for."""

    name: str
    text: str
    purpose: str


PACKED = (
    "Four-bit weights are sharded only if they are loaded with bnb_4bit_quant_storage set to the "
    "dtype of the other weights."
)


def packed(recipe: Recipe) -> list[str]:
    """What to heed where weights are sharded that the recipe packs in four bits."""
    return [PACKED] if recipe.hardware.load_in_4bit else []


def heading(layout: Layout, recipe: Recipe, reasons: Iterable[str], mark: str = "#") -> str:
    """Comment lines: who wrote the file and for what, then why each value is set."""
    lines = [
        f"{AUTHOR} for {recipe.model or 'the model of this recipe'} on {layout.words}.",
        *reasons,
    ]
    return "".join(f"{mark} {part}\n" for line in lines for part in _wrapped(line))


def _wrapped(line: str) -> list[str]:
    import textwrap  # noqa: PLC0415  used only where a file is written

    return textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""]
