"""Memory that a fine-tune needs, by arithmetic from the model's shapes.

Sources of the formulas: weights, gradients and AdamW's two moments are counted exactly. Activations
follow Korthikanti et al. 2022 (arXiv 2205.05198, "sbh(34 + 5as/h)" a layer at 2 bytes), without the
attention matrix where a fused attention never makes it. The logits of a language model stand in
memory as four fp32 copies at the peak, as measured with the Hugging Face loss.
benchmarks/results/memory_peers.md has the formula's error on measured runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tunewell.subjects.checkpoint import Checkpoint

HIGH = 1.35
"""The high end is this times the estimate: what the formula missed by at most on measured runs, and
what the allocator holds beyond what is in use. See benchmarks/results/memory_peers.md."""

RUNTIME_BYTES = 600 * 1024**2
"""Python, torch and its libraries in main memory, or the driver's context on a GPU; included in the
high end only."""

WEIGHT_BYTES = 4
"""Weights, gradients and moments are fp32 unless the weights are frozen."""

NF4_BYTES = 0.5 + 4 / 64
"""A weight in four bits with one fp32 scale for each 64 (Dettmers et al. 2023)."""

LORA_RANK = 16


@dataclass(frozen=True, slots=True)
class ModelSize:
    """The shapes that memory follows from.

    `block_parameters` counts the weight matrices of the repeated layers (those that adapters are
    put on and that four-bit loading packs), `block_sides` sums their two sides. `vocabulary` is 0
    for a model without a language-model head.
    """

    parameters: int
    block_parameters: int
    block_sides: int
    hidden: int
    layers: int
    heads: int
    vocabulary: int = 0
    sides: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, checkpoint: Checkpoint, *, task: str = "text-classification") -> ModelSize | None:
        """Sizes of a saved model, None where its config or tensors do not say them."""
        config = checkpoint.config
        hidden = _first(config, "hidden_size", "d_model", "n_embd", "dim")
        layers = _first(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
        heads = _first(config, "num_attention_heads", "n_head", "n_heads")
        if hidden is None or layers is None or heads is None or not checkpoint.tensors:
            return None
        blocks = {
            name: shape
            for name, shape in checkpoint.tensors.items()
            if len(shape) == 2 and any(part.isdigit() for part in name.split("."))  # noqa: PLR2004
        }
        sides: dict[str, int] = {}
        for name, shape in blocks.items():
            last = name.removesuffix(".weight").rpartition(".")[2]
            sides[last] = sides.get(last, 0) + sum(shape)
        vocabulary = _first(config, "vocab_size") or 0
        return cls(
            parameters=checkpoint.parameters,
            block_parameters=sum(rows * columns for rows, columns in blocks.values()),
            block_sides=sum(sides.values()),
            hidden=hidden,
            layers=layers,
            heads=heads,
            vocabulary=0 if task == "text-classification" else vocabulary,
            sides=sides,
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes by kind at the peak of a training step.

    `low` is what stands in memory at once beyond doubt: weights, gradients and moments, all of them
    needed in the optimizer's step. `high` allows for what the formula does not see.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int

    @property
    def by_kind(self) -> dict[str, int]:
        """Bytes of each kind."""
        return {
            "weights": self.weights,
            "gradients": self.gradients,
            "optimizer states": self.optimizer,
            "activations": self.activations,
            "logits": self.logits,
        }

    @property
    def total(self) -> int:
        """The estimate."""
        return sum(self.by_kind.values())

    @property
    def low(self) -> int:
        """The least that is possible."""
        return self.weights + self.gradients + self.optimizer

    @property
    def high(self) -> int:
        """What is enough in all likelihood."""
        return int(self.total * HIGH) + RUNTIME_BYTES

    def verdict(self, available: int) -> str:
        """Say "fits", "tight" or "does-not-fit" for so many bytes."""
        if self.low > available:
            return "does-not-fit"
        return "fits" if self.high <= available else "tight"


def estimate(  # noqa: PLR0913  the settings that memory follows from
    size: ModelSize,
    *,
    batch: int,
    length: int,
    method: str = "full",
    precision: str = "fp32",
    checkpointing: bool = False,
    fused_attention: bool = True,
    trainable: int | None = None,
) -> Memory:
    """Memory of one training step with AdamW.

    Args:
        size: of the model.
        batch: rows a device in one forward pass.
        length: tokens a row, the longest that is met.
        method: "full", "lora" or "qlora".
        precision: "fp32", "bf16" or "fp16". With full fine-tuning the last two are autocast: fp32
            weights and a 2-byte copy of them. With adapters the frozen weights are 2-byte.
        checkpointing: whether layers are recomputed in the backward pass.
        fused_attention: whether attention runs without making its square matrix.
        trainable: number of trained parameters; by default all, or adapters of rank 16 on every
            matrix of the layers.
    """
    half = precision != "fp32"
    adapter = method in {"lora", "qlora"}
    if trainable is None:
        trainable = LORA_RANK * size.block_sides if adapter else size.parameters
    if method == "qlora":
        rest = size.parameters - size.block_parameters
        weights = int(size.block_parameters * NF4_BYTES) + rest * WEIGHT_BYTES
    elif adapter:
        weights = size.parameters * (2 if half else WEIGHT_BYTES)
    else:
        weights = size.parameters * (WEIGHT_BYTES + (2 if half else 0))
    if adapter:
        weights += trainable * WEIGHT_BYTES
    return Memory(
        weights=weights,
        gradients=trainable * WEIGHT_BYTES,
        optimizer=2 * trainable * WEIGHT_BYTES,
        activations=_activations(
            size,
            batch=batch,
            length=length,
            # What goes from layer to layer is fp32 beside packed weights; recomputed, it is little.
            half=half and (checkpointing or method != "qlora"),
            checkpointing=checkpointing,
            fused_attention=fused_attention,
        ),
        logits=4 * 4 * batch * length * size.vocabulary,
    )


def _activations(
    size: ModelSize,
    *,
    batch: int,
    length: int,
    half: bool,
    checkpointing: bool,
    fused_attention: bool,
) -> int:
    # Korthikanti's 34 bytes a token and hidden unit are 16 values of 2 bytes and two dropout masks
    # of 1; his 5 for the attention matrix are two values and a mask.
    wide = 2 if half else 4
    tokens = batch * length
    layer = tokens * size.hidden * (16 * wide + 2)
    if not fused_attention:
        layer += size.heads * length * tokens * (2 * wide + 1)
    if checkpointing:
        return size.layers * tokens * size.hidden * wide + layer
    return size.layers * layer


def _first(config: Mapping[str, object], *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, int):
            return value
    return None
