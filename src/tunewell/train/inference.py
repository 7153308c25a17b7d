"""Use a model: predict classes, embed texts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tunewell.core.errors import InputError
from tunewell.subjects.dataset import Split
from tunewell.subjects.evaluation import Evaluation
from tunewell.train.model import encode, load_classifier, load_config, load_tokenizer, token_limit
from tunewell.train.quiet import quiet
from tunewell.train.rows import Pad, Rows

Floats = NDArray[np.float32]


def predict(model: Path, split: Split, *, batch_size: int = 64) -> Evaluation:
    """What a saved classifier says of each row of a split.

    Raises:
        InputError: if the folder is no classifier with named labels, or a label is none of its.
    """
    with quiet():
        config = load_config(model)
        held = config.id2label or {}
        names = tuple(str(held[number]) for number in sorted(held))
        unknown = next((row for row, name in enumerate(split.labels) if name not in names), None)
        if unknown is not None:
            message = (
                f"{split.source.path}, line {split.lines[unknown]}: label "
                f"{split.labels[unknown]!r} is not one of the {len(names)} labels of {model}"
            )
            raise InputError(message)
        network = load_classifier(model, names, seed=0)
        tokenizer = load_tokenizer(model)
        tokens = encode(tokenizer, split.texts, token_limit(tokenizer, config))
        logits = classify(network, tokens, _pad(tokenizer), batch_size=batch_size)
    return evaluation_of(split, names, logits, None)


def embed(model: Path, texts: Sequence[str], *, batch_size: int = 64) -> Floats:
    """The mean of each text's last hidden states, float32 of shape (n, d).

    Raises:
        InputError: if the folder cannot be read as an encoder.
    """
    from transformers import AutoModel  # noqa: PLC0415  takes seconds to import

    with quiet():
        config = load_config(model)
        try:
            network = AutoModel.from_pretrained(str(model), local_files_only=True)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            message = f"{model}: the model cannot be read: {reason}"
            raise InputError(message) from error
        tokenizer = load_tokenizer(model)
        tokens = encode(tokenizer, texts, token_limit(tokenizer, config))
        network.eval()
        means = np.zeros((len(texts), config.hidden_size), dtype=np.float32)
        with torch.inference_mode():
            for rows, batch in _batches(tokens, _pad(tokenizer), batch_size):
                hidden = network(**batch).last_hidden_state.float()
                mask = batch["attention_mask"].unsqueeze(-1).float()
                means[rows] = ((hidden * mask).sum(1) / mask.sum(1).clamp(min=1)).numpy()
    return means


def classify(
    model: Any,  # noqa: ANN401  transformers has no types
    tokens: Sequence[Sequence[int]],
    pad: Pad,
    *,
    batch_size: int = 64,
    precision: str = "fp32",
) -> Floats:
    """Logits of shape (n, k)."""
    model.eval()
    device = next(model.parameters()).device
    logits = np.zeros((len(tokens), model.config.num_labels), dtype=np.float32)
    cast = (
        torch.autocast(device.type, dtype=torch.bfloat16)
        if precision == "bf16"
        else contextlib.nullcontext()
    )
    with torch.inference_mode(), cast:
        for rows, batch in _batches(tokens, pad, batch_size):
            moved = {name: tensor.to(device) for name, tensor in batch.items()}
            logits[rows] = model(**moved).logits.float().cpu().numpy()
    return logits


def evaluation_of(
    split: Split, names: Sequence[str], logits: Floats, train_counts: NDArray[np.int64] | None
) -> Evaluation:
    """Logits of shape (n, k) beside the labels of the split."""
    ids = {name: number for number, name in enumerate(names)}
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Evaluation(
        name=split.name,
        label_names=tuple(names),
        given=np.array([ids[str(label)] for label in split.labels], dtype=np.int64),
        predicted=logits.argmax(axis=1).astype(np.int64),
        probabilities=(shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32),
        texts=split.texts,
        lines=split.lines,
        file=str(split.source.path),
        train_counts=train_counts,
    )


def _pad(tokenizer: Any) -> Pad:  # noqa: ANN401  transformers has no types
    return Pad(tokenizer.pad_token_id or 0, left=tokenizer.padding_side == "left")


def _batches(
    tokens: Sequence[Sequence[int]], pad: Pad, size: int
) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """Rows of like length together: less padding, same results."""
    rows = Rows(tokens, None)
    order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
    for start in range(0, len(order), size):
        taken = order[start : start + size]
        yield taken, pad([rows[row] for row in taken])
