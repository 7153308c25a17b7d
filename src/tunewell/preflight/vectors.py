"""How long a model's token vectors are: none is changed, and no forward pass is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tunewell.core.check import NotRunError
from tunewell.preflight.stage import Probe, Stage
from tunewell.subjects.token_vectors import TokenVectors

ROWS_AT_ONCE = 8_192
"""Vectors whose length is taken at once, in float32: 134 MB where each has 4,096 values."""


def token_vectors(stage: Stage) -> TokenVectors:
    """Measure the input embedding and the output layer.

    Raises:
        NotRunError: if the model has no embedding whose weights are at hand.
    """
    embedding = _layer(stage.core, "get_input_embeddings")
    if embedding is None:
        message = "the model has no token embedding whose weights are at hand"
        raise NotRunError(message)
    output = _layer(stage.core, "get_output_embeddings")
    tied = output is None or _weight(output) is _weight(embedding)
    trained = _trained(embedding)
    return TokenVectors(
        inputs=_lengths(_weight(embedding)),
        outputs=None if tied else _lengths(_weight(output)),
        input_trained=trained,
        output_trained=trained if tied else _trained(output),
    )


PROBE = Probe(gives=TokenVectors, run=token_vectors)


def _layer(core: Any, getter: str) -> Any:
    try:
        layer = getattr(core, getter)()
    except (AttributeError, NotImplementedError):
        return None
    return layer if layer is not None and _weight(layer) is not None else None


def _weight(layer: Any) -> Any:
    """The stored weight of a layer, also in a wrapper of PEFT; None where it is not whole here."""
    for name in ("original_module", "base_layer"):
        layer = getattr(layer, name, layer)
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, torch.Tensor) or weight.device.type == "meta":
        return None
    plain = weight.ndim == 2 and weight.numel() and weight.is_floating_point()  # noqa: PLR2004  (tokens, values)
    return weight if plain else None


def _lengths(weight: Any) -> NDArray[np.float64]:
    parts = [
        part.detach().float().norm(dim=1).cpu().double().numpy()
        for part in weight.split(ROWS_AT_ONCE)
    ]
    return np.concatenate(parts)


def _trained(layer: Any) -> bool:
    """Whether the layer has a trained parameter: its own, a copy that is saved, or an adapter's."""
    return any(parameter.requires_grad for parameter in layer.parameters())
