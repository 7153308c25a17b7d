"""Memory of generation: the prompt, and the last token with the whole cache behind it.

What lies between only grows the cache, so that it is not run: the cache is put at its final length.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

META = "meta"
Forward = Callable[[dict[str, Any]], Any]


def generate(
    model: Any,  # noqa: ANN401  transformers has no types
    inputs: dict[str, torch.Tensor],
    tokens: int,
    forward: Forward,
) -> None:
    """Answer a batch of prompts with so many tokens each, greedily.

    Args:
        model: in evaluation mode.
        inputs: what the model takes besides labels, on the meta device.
        tokens: generated for each row.
        forward: runs the model on inputs, as training runs it.
    """
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            _translate(model, inputs, tokens, forward)
        else:
            _continue(model, inputs, tokens, forward)


def _continue(model: Any, inputs: dict[str, torch.Tensor], tokens: int, forward: Forward) -> None:  # noqa: ANN401  as above
    rows, length = inputs["input_ids"].shape
    last: dict[str, Any] = {"use_cache": True}
    if "logits_to_keep" in inspect.signature(_own(model).forward).parameters:
        last["logits_to_keep"] = 1
    outputs = forward({**inputs, **last})
    cache = outputs.past_key_values
    del outputs
    lengthen(cache, tokens - 1)
    mask = torch.empty((rows, length + tokens), dtype=torch.int64, device=META)
    one = torch.empty((rows, 1), dtype=torch.int64, device=META)
    forward({"input_ids": one, "attention_mask": mask, "past_key_values": cache, **last})


def _translate(model: Any, inputs: dict[str, torch.Tensor], tokens: int, forward: Forward) -> None:  # noqa: ANN401  as above
    rows = next(iter(inputs.values())).shape[0]
    read = {n: v for n, v in inputs.items() if not n.startswith("decoder_")}
    encoded = _own(model).get_encoder()(**read)
    one = torch.empty((rows, 1), dtype=torch.int64, device=META)
    asked = {"encoder_outputs": encoded, "decoder_input_ids": one, "use_cache": True}
    if "attention_mask" in read:
        asked["attention_mask"] = read["attention_mask"]
    cache = forward(asked).past_key_values
    lengthen(cache.self_attention_cache, tokens - 1)
    forward({**asked, "past_key_values": cache})


def lengthen(cache: Any, tokens: int) -> None:  # noqa: ANN401  transformers has no types
    """Put a cache of keys and values so many tokens further, no layer beyond its window."""
    for layer in cache.layers:
        window = getattr(layer, "sliding_window", None)
        for name in ("keys", "values"):
            held = getattr(layer, name)
            if held is None:
                continue
            length = held.shape[-2] + tokens
            shape = list(held.shape)
            shape[-2] = min(length, window) if window else length
            setattr(layer, name, torch.empty(shape, dtype=held.dtype, device=META))
            del held


def _own(model: Any) -> Any:  # noqa: ANN401  as above
    return model.get_base_model() if hasattr(model, "get_base_model") else model
