# ruff: noqa: ANN401  settings and torch's objects of any kind
"""What is compared: architectures small enough to run twice, and ways of training them."""

from __future__ import annotations

from typing import Any

from tunewell.plan.step import LowRank, Sharding, Step, Strategy

LLAMA = {
    "model_type": "llama",
    "hidden_size": 512,
    "intermediate_size": 1408,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "vocab_size": 8000,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
QWEN = {
    "model_type": "qwen2",
    "hidden_size": 448,
    "intermediate_size": 1216,
    "num_hidden_layers": 5,
    "num_attention_heads": 7,
    "num_key_value_heads": 1,
    "vocab_size": 15001,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
}
GPT2 = {
    "model_type": "gpt2",
    "n_embd": 384,
    "n_layer": 4,
    "n_head": 6,
    "vocab_size": 9001,
    "n_positions": 1024,
    "attn_pdrop": 0.0,
    "resid_pdrop": 0.0,
    "embd_pdrop": 0.0,
}
LLAMA_8B = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
}
"""Llama-3.1-8B's shapes."""

PURE: dict[str, Any] = {"weights": "bf16"}
MIXED: dict[str, Any] = {"weights": "fp32", "autocast": "bf16"}


def step_of(config: dict[str, Any], ranks: int, *, nodes: int = 1, **changes: Any) -> Step:
    """A step under FSDP; attention is written out, which CPUs and GPUs compute alike."""
    sharding = Sharding("fsdp" if nodes == 1 else "fsdp-hybrid", ranks, nodes)
    settings = {"batch": 2, "length": 256, "attention": "eager", **changes}
    return Step(config, sharding=sharding, **settings)


CONFIGURATIONS: dict[str, Step] = {
    "llama, bf16, 1 rank": step_of(LLAMA, 1, **PURE),
    "llama, bf16, 2 ranks": step_of(LLAMA, 2, **PURE),
    "llama, bf16, 4 ranks, recomputed": step_of(LLAMA, 4, checkpointing=True, **PURE),
    "llama, mixed, 1 rank": step_of(LLAMA, 1, **MIXED),
    "llama, mixed, 2 ranks, recomputed": step_of(LLAMA, 2, checkpointing=True, **MIXED),
    "llama, mixed, 8 ranks": step_of(LLAMA, 8, **MIXED),
    "llama, mixed, 16 ranks": step_of(LLAMA, 16, **MIXED),
    "llama, mixed, 8 ranks, 4 micro-batches": step_of(LLAMA, 8, accumulation=4, **MIXED),
    "llama, mixed, 2 x 4 ranks, hybrid": step_of(LLAMA, 8, nodes=2, **MIXED),
    "llama, bf16, LoRA, 4 ranks": step_of(
        LLAMA, 4, adapter=LowRank(targets=("all-linear",)), **PURE
    ),
    "llama, bf16 mixed, LoRA, 8 ranks, recomputed": step_of(
        LLAMA,
        8,
        adapter=LowRank(rank=16, targets=("all-linear",)),
        checkpointing=True,
        weights="bf16",
        autocast="bf16",
    ),
    "qwen2, tied, bf16, 4 ranks": step_of(QWEN, 4, **PURE),
    "qwen2, tied, mixed, 16 ranks, recomputed": step_of(QWEN, 16, checkpointing=True, **MIXED),
    "gpt2, tied, bf16, 2 ranks": step_of(GPT2, 2, **PURE),
    "gpt2, tied, mixed, 8 ranks": step_of(GPT2, 8, **MIXED),
    "gpt2, tied, mixed, 4 ranks, recomputed": step_of(GPT2, 4, checkpointing=True, **MIXED),
}

REPLICATED: tuple[Strategy, ...] = ("ddp", "fsdp")
STAGES: tuple[Strategy, ...] = ("zero1", "zero2", "zero3")
ZERO: dict[str, Step] = {
    f"llama, stage {stage}, {ranks} ranks{', 2 micro-batches' if parts > 1 else ''}": Step(
        LLAMA,
        batch=1,
        length=32,
        attention="eager",
        accumulation=parts,
        sharding=Sharding(strategy, ranks),
        **MIXED,
    )
    for stage, strategy in enumerate(STAGES, 1)
    for ranks, parts in ((1, 1), (2, 1), (8, 1), (4, 2))
}

SMALL = {**LLAMA, "num_hidden_layers": 3}
GLOO: dict[str, Step] = {
    f"small llama, {strategy}, 2 ranks": Step(
        SMALL, batch=2, length=64, attention="eager", sharding=Sharding(strategy, 2)
    )
    for strategy in REPLICATED
}

LARGE: dict[str, Step] = {
    f"Llama-3.1-8B, bf16, 1 x 2048, sdpa, {ranks} ranks": step_of(
        LLAMA_8B, ranks, batch=1, length=2048, attention="sdpa", **PURE
    )
    for ranks in (1, 2, 8)
}
