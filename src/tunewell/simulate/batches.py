"""What the collator of each task hands to the model, by shape."""

from __future__ import annotations

from typing import Any

import torch

from tunewell.plan.step import Step

META = "meta"
MEL_BINS = 80
CHANNELS = 3
IMAGE_SIDE = 224
FRAMES = 3000
"""Frames of the 30 seconds that Whisper's feature extractor pads every clip to."""


def batch_of(step: Step, config: Any, rows: int) -> dict[str, torch.Tensor]:  # noqa: ANN401  transformers has no types
    """Inputs and labels of so many rows, on the meta device."""
    if step.task == "image-classification":
        return {"pixel_values": _pixels(config, rows), "labels": _ids(rows)}
    if step.task == "speech-seq2seq":
        bins = getattr(config, "num_mel_bins", MEL_BINS)
        frames = 2 * getattr(config, "max_source_positions", FRAMES // 2)
        return {
            "input_features": torch.empty((rows, bins, frames), device=META),
            "labels": _ids(rows, step.target_length or step.length),
        }
    inputs = {
        "input_ids": _ids(rows, step.length),
        "attention_mask": _ids(rows, step.length),
    }
    if step.attention == "flash":
        # The flash-attn package takes lengths, and no mask is made.
        del inputs["attention_mask"]
    if step.task in {"causal-lm", "masked-lm", "token-classification", "dpo"}:
        inputs["labels"] = _ids(rows, step.length)
    elif step.task == "seq2seq-lm":
        decoded = step.target_length or step.length
        inputs["labels"] = _ids(rows, decoded)
        inputs["decoder_input_ids"] = _ids(rows, decoded)
    elif step.task == "text-classification":
        inputs["labels"] = _ids(rows)
    return inputs


def _ids(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.int64, device=META)


def _pixels(config: Any, rows: int) -> torch.Tensor:  # noqa: ANN401  as above
    side = getattr(config, "image_size", IMAGE_SIDE)
    height, width = side if isinstance(side, (list, tuple)) else (side, side)
    channels = getattr(config, "num_channels", CHANNELS)
    return torch.empty((rows, channels, height, width), device=META)
