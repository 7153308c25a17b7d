"""Which architectures have a kernel of attention that never makes its square matrix."""

from __future__ import annotations

FUSED = frozenset(
    {
        "albert", "bart", "bert", "cohere", "distilbert", "electra", "falcon", "gpt2", "gpt_neox",
        "granite", "llama", "mistral", "mixtral", "modernbert", "olmo2", "opt", "phi", "phi3",
        "qwen2", "qwen2_moe", "qwen3", "roberta", "smollm3", "stablelm", "vit", "whisper",
        "xlm-roberta",
    }
)  # fmt: skip
"""Values of model_type whose classes have fused attention in transformers 5.23. Left out on
purpose: gemma, whose makers ask for eager attention in training, and t5, which got it lately."""
