"""Trainers of transformers small enough to be run in a test of a check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = 64
"""Size of the vocabulary."""


def language_model(**config: Any) -> Any:  # noqa: ANN401  transformers has no types
    """A Llama of one layer with random weights."""
    import torch
    from transformers import LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(llama_config(**config))


def llama_config(**changed: Any) -> Any:  # noqa: ANN401  transformers has no types
    """The configuration of a Llama of one layer."""
    from transformers import LlamaConfig

    sizes = {
        "vocab_size": WORDS,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 64,
    }
    return LlamaConfig(**{**sizes, **changed})


def token_rows(rows: int, *, length: int = 8) -> Any:  # noqa: ANN401  transformers has no types
    """Random token ids as a data set of Hugging Face, each row its own label."""
    import numpy as np
    from datasets import Dataset

    ids = np.random.default_rng(0).integers(3, WORDS, size=(rows, length)).tolist()
    return Dataset.from_dict({"input_ids": ids, "labels": ids})


def arguments(folder: Path, **changed: Any) -> Any:  # noqa: ANN401  transformers has no types
    """Arguments of a quiet run on the CPU that writes to a folder."""
    from transformers import TrainingArguments

    return TrainingArguments(**{**quiet(folder), **changed})


def quiet(folder: Path) -> dict[str, Any]:
    """What every run of a test is given."""
    return {
        "output_dir": str(folder),
        "use_cpu": True,
        "report_to": [],
        "disable_tqdm": True,
        "logging_steps": 1,
        "per_device_train_batch_size": 4,
        "dataloader_pin_memory": False,
    }


def saved_steps(folder: Path) -> list[int]:
    """The steps of the checkpoints that lie in a run's folder."""
    return sorted(int(path.name.partition("-")[2]) for path in folder.glob("checkpoint-*"))
