"""Steps so small that a CPU takes them, to try the measurement where there is no GPU."""

from __future__ import annotations

from typing import Any

import architectures as shapes
from cases import Configuration

from tunewell.plan.step import LowRank, Step

SMALL: dict[str, Any] = {"num_hidden_layers": 2, "vocab_size": 999, "pad_token_id": 0}
LLAMA: shapes.Config = {
    **shapes.LLAMA_1B,
    **SMALL,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 128,
}
BERT: shapes.Config = {
    **shapes.BERT,
    **SMALL,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "intermediate_size": 128,
}
ADAPTER = LowRank(rank=4, targets=("all-linear",))

TINY: tuple[Configuration, ...] = (
    Configuration(
        name="tiny.classify.padded.eval",
        step=Step(
            config=BERT,
            task="text-classification",
            batch=4,
            length=32,
            padded=True,
            accumulation=2,
            evaluation_batch=8,
        ),
    ),
    Configuration(
        name="tiny.lora.bf16.ckpt.generate",
        step=Step(
            config=LLAMA,
            batch=2,
            length=32,
            weights="bf16",
            adapter=ADAPTER,
            checkpointing=True,
            generation_tokens=4,
        ),
    ),
    Configuration(
        name="tiny.contrastive.amp-bf16",
        step=Step(config=BERT, task="embedding", batch=4, length=32, autocast="bf16"),
    ),
    Configuration(
        name="tiny.plain.sgd",
        step=Step(config=LLAMA, batch=2, length=32, loop="plain", optimizer="sgd"),
    ),
    Configuration(
        name="tiny.nf4.lora.ckpt.reentrant",
        step=Step(
            config=LLAMA,
            batch=2,
            length=32,
            weights="bf16",
            quantization="nf4",
            double_quantization=True,
            adapter=ADAPTER,
            checkpointing=True,
            reentrant=True,
            autocast="bf16",
        ),
    ),
)
