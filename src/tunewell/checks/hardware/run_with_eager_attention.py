"""HW065: a run that made the square matrix of attention where it need not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.fused_attention import FUSED
from tunewell.subjects.trace import Trace


@check(
    "HW065",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.HIGH,
)
def run_with_eager_attention(trace: Trace, *, min_length: int = 512) -> Iterator[Finding]:
    """The run computed attention eagerly on long rows, and the model has a fused kernel.

    ## What it finds
    A watched run whose model computes attention eagerly, though its architecture has a fused
    kernel, with rows of `min_length` tokens or more (512) in the median step.

    ## Why it matters
    Eager attention writes and keeps a matrix of tokens x tokens for each head and layer. A fused
    kernel never makes it, and takes less time and memory, the more the longer the rows.

    ## How it is measured
    The watcher notes the implementation that the model's configuration names, and counts the tokens
    of each step, padding included; divided by the rows of a step that is the length of a row.

    ## Example
    A Llama whose rows have 2,048 tokens, loaded with `attn_implementation="eager"` years ago.

    ## Fix
    `attn_implementation="sdpa"`, the default, or "flash_attention_2".

    ## When it is wrong
    Where the attention weights are read, or the fused kernel gives NaN on this machine.

    ## Sources
    `_supports_sdpa` of the classes of transformers 5.23; Dao et al. 2022 (FlashAttention).
    """
    if trace.attention != "eager" or trace.architecture not in FUSED:
        reason = "attention is not eager, or it is not known, or the model has no fused kernel"
        raise NotApplicableError(reason)
    tokens = trace.column("input_tokens").finite
    batch = trace.settings.get("per_device_train_batch_size")
    accumulated = trace.settings.get("gradient_accumulation_steps", 1)
    if not len(tokens) or not isinstance(batch, int) or not isinstance(accumulated, int):
        reason = "the length of the rows is not known"
        raise NotApplicableError(reason)
    length = float(np.median(tokens.values)) / max(1, batch * accumulated)
    if length < min_length:
        return
    yield Finding(
        message=(
            f"attention is computed eagerly on rows of about {length:,.0f} tokens; "
            f"{trace.architecture} has a kernel that never makes its square matrix"
        ),
        where=(
            Steps(metric="input_tokens", first=int(tokens.steps[0]), last=int(tokens.steps[-1])),
        ),
        evidence=(
            Number(
                name="tokens of a row",
                value=length,
                bound=f"below {min_length:,}",
            ),
        ),
        impact="more memory and slower steps, the more the longer the rows",
        fixes=(Fix(title='load the model with attn_implementation="sdpa"', safety=Safety.MANUAL),),
    )
