"""One training step, described well enough to be simulated without weights and without a GPU."""

from __future__ import annotations

from typing import Any, Literal

from tunewell.core.finding import Record

Precision = Literal["fp32", "bf16", "fp16"]
Task = Literal[
    "causal-lm",
    "masked-lm",
    "seq2seq-lm",
    "text-classification",
    "token-classification",
    "image-classification",
    "speech-seq2seq",
    "embedding",
    "dpo",
]
Attention = Literal["sdpa", "eager", "flash"]
Loop = Literal["trainer", "plain"]
Quantization = Literal["nf4", "int8"]
Phase = Literal["load", "forward", "backward", "optimizer", "evaluation", "generation", "saving"]
PHASES: tuple[Phase, ...] = (
    "load",
    "forward",
    "backward",
    "optimizer",
    "evaluation",
    "generation",
    "saving",
)
KINDS = ("weights", "gradients", "optimizer", "activations", "logits", "other")
"""What memory is held for. Casts of weights that autocast keeps count as weights; inputs and the
workspaces of libraries as other."""


class LowRank(Record, frozen=True):
    """An adapter as `peft.LoraConfig` names it.

    `targets` of None leaves the choice to PEFT, ("all-linear",) means every linear layer but the
    head. `weights` is the precision of the adapter: PEFT makes it fp32 over 16-bit weights, TRL
    bf16 over packed ones.
    """

    rank: int = 8
    targets: tuple[str, ...] | None = None
    dropout: float = 0.0
    dora: bool = False
    modules_to_save: tuple[str, ...] = ()
    weights: Precision = "fp32"


class Device(Record, frozen=True):
    """What of a GPU changes how much memory a step takes.

    `capability` is CUDA's compute capability times ten (T4 75, A100 80, L4 89, H100 90), which
    decides the attention kernels and the size of cuBLAS's workspaces.
    """

    capability: int = 80
    context_bytes: int = 500 * 1024**2
    """Held by the driver and the loaded kernels, outside PyTorch's allocator."""
    torch: str | None = None
    """The version of PyTorch that will run there, None for the one that is installed here."""


Strategy = Literal["ddp", "zero1", "zero2", "zero3", "fsdp", "fsdp-hybrid"]
Offload = Literal["none", "optimizer", "parameters"]


class Sharding(Record, frozen=True):
    """How the processes of a run share a model out, one process a GPU.

    `ranks` is their number on all machines together, `nodes` the number of machines: "fsdp-hybrid"
    shards within a machine and copies between machines, the others share over all ranks. `offload`
    keeps the optimizer's states in main memory, or these and the weights; FSDP knows only the
    second. ZeRO's sizes are in elements, and None is what "auto" of the Hugging Face integration
    stands for: `hidden * hidden` for the two buckets of stages 1 to 3, 0.9 of it for the prefetched
    weights, and `10 * hidden` for the weights that stage 3 does not share out. `overlap` is ZeRO's
    `overlap_comm`, which takes a second bucket. `bucket_mib` is DDP's `bucket_cap_mb`.
    """

    strategy: Strategy
    ranks: int = 1
    nodes: int = 1
    offload: Offload = "none"
    bucket_mib: int = 25
    reduce_bucket: int | None = None
    prefetch_bucket: int | None = None
    persistence: int | None = None
    overlap: bool = False

    @property
    def shards(self) -> int:
        """Over how many ranks what is shared out is shared."""
        return self.ranks // self.nodes if self.strategy == "fsdp-hybrid" else self.ranks


class Step(Record, frozen=True):
    """What one optimizer step is made of, on one device.

    `config` is the model's config.json. `batch` rows of `length` tokens go through the model at a
    time, `accumulation` times for one optimizer step; `target_length` tokens are decoded by an
    encoder-decoder (by default as many). `weights` is the precision of the loaded weights, and
    `autocast` that of `torch.autocast`, None without. With `quantization`, frozen linear layers are
    packed and computed in `weights`. `optimizer` is a name of
    `transformers.TrainingArguments.optim`. `attention` is what `attn_implementation` asks for
    ("flash" is the flash-attn package), and `attention_kernel` the one kernel that
    `torch.nn.attention.sdpa_kernel` leaves to sdpa. `padded` says whether a batch holds padding,
    which forbids some kernels. `loss` "chunked" never makes all logits at once. `loop` "trainer"
    is the Hugging Face Trainer, which lets go of the outputs before the backward pass; "plain" is
    a loop that holds outputs, loss and gradients to the step's end. `evaluation_batch` and
    `generation_tokens` add these phases. With `sharding` the step is that of one of several
    processes, the fullest one; `autocast` is then the mixed precision that FSDP or DeepSpeed is
    told.
    """

    config: dict[str, Any]
    task: Task = "causal-lm"
    batch: int = 1
    length: int = 512
    target_length: int | None = None
    labels: int = 2
    weights: Precision = "fp32"
    autocast: Precision | None = None
    quantization: Quantization | None = None
    double_quantization: bool = False
    adapter: LowRank | None = None
    attention: Attention = "sdpa"
    attention_kernel: Literal["flash", "efficient", "math", "cudnn"] | None = None
    checkpointing: bool = False
    reentrant: bool = False
    optimizer: str = "adamw_torch"
    accumulation: int = 1
    padded: bool = False
    loss: Literal["full", "chunked"] = "full"
    loop: Loop = "trainer"
    clipping: bool = True
    evaluation_batch: int | None = None
    generation_tokens: int | None = None
    sharding: Sharding | None = None
    device: Device = Device()
