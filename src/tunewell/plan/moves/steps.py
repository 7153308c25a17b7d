"""What each move does to a step: a function from a step to the changed one, or None.

None means that the move does not apply: what it would change is not there or is so already.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tunewell.plan.step import LowRank, Step

LORA = LowRank(rank=16, targets=("all-linear",))
FEWEST_RANKS = 8
AMPERE = 80
"""The compute capability from which on flash attention and bfloat16 are computed natively."""

LANGUAGE = frozenset({"causal-lm", "masked-lm", "seq2seq-lm", "dpo"})
COMPARES_ROWS = frozenset({"embedding"})
"""Tasks whose loss takes the other rows of a batch as negatives: fewer rows are another loss."""

TORCH_ADAMW = frozenset({"adamw_torch", "adamw_torch_fused"})


def _with(step: Step, **changes: Any) -> Step:  # noqa: ANN401  fields have every type
    return msgspec.structs.replace(step, **changes)


def chunked_loss(step: Step) -> Step | None:
    """The loss of a language model without all logits at once."""
    if step.loss == "chunked" or step.task != "causal-lm":
        return None
    return _with(step, loss="chunked")


def fused_attention(step: Step) -> Step | None:
    """Attention by PyTorch's own fused kernels."""
    return _with(step, attention="sdpa") if step.attention == "eager" else None


def flash_attention(step: Step) -> Step | None:
    """Attention by flash-attn, which needs 16 bits and a GPU that is new enough."""
    computed = step.autocast or step.weights
    if step.attention == "flash" or computed == "fp32" or step.device.capability < AMPERE:
        return None
    return _with(step, attention="flash")


def fused_optimizer(step: Step) -> Step | None:
    """AdamW in one kernel."""
    return _with(step, optimizer="adamw_torch_fused") if step.optimizer == "adamw_torch" else None


def smaller_micro_batch(step: Step) -> Step | None:
    """The micro-batch divided by its smallest factor, the accumulation multiplied by it."""
    if step.batch <= 1 or step.task in COMPARES_ROWS:
        return None
    factor = next(n for n in range(2, step.batch + 1) if step.batch % n == 0)
    return with_batch(step, step.batch // factor)


def larger_micro_batch(step: Step) -> Step | None:
    """The accumulation divided by its smallest factor, the micro-batch multiplied by it."""
    if step.accumulation <= 1 or step.task in COMPARES_ROWS:
        return None
    factor = next(n for n in range(2, step.accumulation + 1) if step.accumulation % n == 0)
    return with_batch(step, step.batch * factor)


def with_batch(step: Step, batch: int) -> Step:
    """The step with another micro-batch and the same effective batch.

    Raises:
        ValueError: if the effective batch cannot be made of such micro-batches.
    """
    rows = step.batch * step.accumulation
    if rows % batch:
        message = f"{rows} rows cannot be made of micro-batches of {batch}"
        raise ValueError(message)
    return _with(step, batch=batch, accumulation=rows // batch)


def micro_batches(step: Step) -> tuple[int, ...]:
    """The micro-batches that make the step's effective batch, ascending.

    Where the loss compares the rows of a batch, the step's own alone.
    """
    if step.task in COMPARES_ROWS:
        return (step.batch,)
    rows = step.batch * step.accumulation
    return tuple(n for n in range(1, rows + 1) if rows % n == 0)


def checkpointing(step: Step) -> Step | None:
    """Recompute layers, in the form that keeps hooks and frozen inputs working."""
    return None if step.checkpointing else _with(step, checkpointing=True, reentrant=False)


def no_checkpointing(step: Step) -> Step | None:
    """Keep the activations."""
    return _with(step, checkpointing=False) if step.checkpointing else None


def non_reentrant(step: Step) -> Step | None:
    """The newer form of checkpointing."""
    return _with(step, reentrant=False) if step.checkpointing and step.reentrant else None


def smaller_evaluation_batch(step: Step) -> Step | None:
    """Half the rows in evaluation."""
    if step.evaluation_batch is None or step.evaluation_batch <= 1:
        return None
    return _with(step, evaluation_batch=step.evaluation_batch // 2)


def paged_optimizer(step: Step) -> Step | None:
    """States that may leave the GPU."""
    return _with(step, optimizer="paged_adamw_32bit") if step.optimizer in TORCH_ADAMW else None


def eight_bit_optimizer(step: Step) -> Step | None:
    """States of 8 bits, paged where they were."""
    named = {"paged_adamw_32bit": "paged_adamw_8bit", "lion_32bit": "lion_8bit"}
    new = "adamw_bnb_8bit" if step.optimizer in TORCH_ADAMW else named.get(step.optimizer)
    return None if new is None else _with(step, optimizer=new)


def adafactor(step: Step) -> Step | None:
    """Adafactor in place of AdamW, where all weights are trained."""
    if step.adapter is not None or not step.optimizer.startswith(("adamw", "paged_adamw")):
        return None
    return _with(step, optimizer="adafactor")


def lower_rank(step: Step) -> Step | None:
    """Half the rank, never below 8."""
    if step.adapter is None or step.adapter.rank // 2 < FEWEST_RANKS:
        return None
    smaller = msgspec.structs.replace(step.adapter, rank=step.adapter.rank // 2)
    return _with(step, adapter=smaller)


def lora(step: Step) -> Step | None:
    """Adapters over frozen weights, which are held in the precision that is computed in."""
    if step.adapter is not None or step.quantization is not None:
        return None
    return _with(step, adapter=LORA, weights=_frozen(step))


def qlora(step: Step) -> Step | None:
    """Adapters over weights in NF4."""
    if step.quantization is not None or step.task not in LANGUAGE:
        return None
    return _with(step, adapter=step.adapter or LORA, quantization="nf4", weights=_frozen(step))


def double_quantization(step: Step) -> Step | None:
    """Scales in 8 bits."""
    if step.quantization != "nf4" or step.double_quantization:
        return None
    return _with(step, double_quantization=True)


def pure_bf16(step: Step) -> Step | None:
    """Everything trained in bfloat16."""
    trained_in_full = step.adapter is None and step.weights == "fp32"
    if not trained_in_full or step.device.capability < AMPERE:
        return None
    return _with(step, weights="bf16", autocast=None)


def shorter(step: Step, length: int) -> Step | None:
    """Rows of at most so many tokens."""
    return _with(step, length=length) if length < step.length else None


def unpadded(step: Step) -> Step | None:
    """Rows that are packed to one length hold no padding."""
    return _with(step, padded=False) if step.padded else None


def _frozen(step: Step) -> str:
    """The precision of frozen weights: what is computed in, where that is 16 bits."""
    return step.autocast if step.autocast in {"bf16", "fp16"} else step.weights
