"""Load a Hugging Face encoder folder and its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.checkpoint import position_limit

DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "cls_dropout",
    "dropout",
    "attention_dropout",
    "seq_classif_dropout",
    "hidden_dropout",
    "embedding_dropout",
    "mlp_dropout",
)
"""What the families of encoders call their dropout probabilities."""

NO_LIMIT = 1_000_000
"""Tokenizers without a limit carry a huge number in its place."""


def load_tokenizer(folder: Path) -> Any:  # noqa: ANN401  transformers has no types
    """The fast tokenizer of a model folder.

    Raises:
        InputError: if the folder has none that can be read.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415  takes seconds to import

    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:
        raise InputError(_reason(folder, "its tokenizer", error)) from error


def load_config(folder: Path) -> Any:  # noqa: ANN401  transformers has no types
    """The configuration of a model folder.

    Raises:
        InputError: if there is none that can be read.
    """
    from transformers import AutoConfig  # noqa: PLC0415  takes seconds to import

    if not (folder / "config.json").is_file():
        message = f"{folder}: is not a model folder: it has no config.json"
        raise InputError(message)
    try:
        return AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except Exception as error:
        raise InputError(_reason(folder, "its config.json", error)) from error


def load_classifier(
    folder: Path, label_names: Sequence[str], *, seed: int, dropout: float | None = None
) -> Any:  # noqa: ANN401  transformers has no types
    """A sequence classifier over these labels; a head that the folder lacks is drawn by `seed`.

    Raises:
        InputError: if the folder cannot be read as an encoder.
    """
    import torch  # noqa: PLC0415  takes seconds to import
    from transformers import AutoModelForSequenceClassification  # noqa: PLC0415  the same

    config = load_config(folder)
    config.id2label = dict(enumerate(label_names))
    config.label2id = {name: number for number, name in enumerate(label_names)}
    config.num_labels = len(label_names)
    config.problem_type = "single_label_classification"
    if dropout is not None:
        for name in DROPOUTS:
            if hasattr(config, name):
                setattr(config, name, dropout)
    torch.manual_seed(seed)
    try:
        return AutoModelForSequenceClassification.from_pretrained(
            str(folder),
            config=config,
            ignore_mismatched_sizes=True,
            local_files_only=True,
            dtype=torch.float32,
        )
    except Exception as error:
        raise InputError(_reason(folder, "the model", error)) from error


def token_limit(tokenizer: Any, config: Any) -> int:  # noqa: ANN401  transformers has no types
    """The longest input in tokens that tokenizer and position embeddings allow."""
    limits = [512]
    if tokenizer.model_max_length < NO_LIMIT:
        limits = [int(tokenizer.model_max_length)]
    positions = position_limit(config.to_dict())
    return min([*limits, positions]) if positions else limits[0]


def encode(tokenizer: Any, texts: Sequence[str], max_length: int) -> list[list[int]]:  # noqa: ANN401
    """Token ids of each text with its special tokens, cut to `max_length`."""
    encoded = tokenizer(
        list(texts),
        truncation=True,
        max_length=max_length,
        return_attention_mask=False,
        return_token_type_ids=False,
    )
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def _reason(folder: Path, what: str, error: Exception) -> str:
    first = str(error).strip().partition("\n")[0]
    return f"{folder}: {what} cannot be read: {first or type(error).__name__}"
