"""A small loop in plain PyTorch, watched or not."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np


def data(rows: int = 256) -> tuple[Any, Any]:
    """Features of shape (rows, 8) and one of three classes, learnable."""
    import torch

    generator = torch.Generator().manual_seed(0)
    features = torch.randn(rows, 8, generator=generator)
    return features, (features[:, 0] > 0).long() + (features[:, 1] > 0).long()


def model() -> Any:  # noqa: ANN401
    """Two layers with dropout between them."""
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(32, 3)
    )


def train(
    out: Path | None,
    *,
    epochs: int = 2,
    rate: float = 1e-2,
    accumulate: int = 1,
    forget_mode: bool = False,
    wrap: Any = None,  # noqa: ANN401
    **settings: Any,  # noqa: ANN401
) -> list[float]:
    """Train and return each micro-batch's loss; watched where there is a run folder `out`.

    With `forget_mode` the model stays in evaluation mode after the first evaluation.
    """
    import torch
    from torch.nn.functional import cross_entropy

    from tunewell.train.loop import watch

    features, labels = data()
    net = model()
    net = net if wrap is None else wrap(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate)
    watching = (
        contextlib.nullcontext()
        if out is None
        else watch(net, optimizer, out, announce=None, train_rows=256, **settings)
    )
    losses: list[float] = []
    with watching as run:
        for _ in range(epochs):
            if not forget_mode:
                net.train()
            for number, first in enumerate(range(0, 256, 16)):
                rows = slice(first, first + 16)
                loss: Any = cross_entropy(net(features[rows]), labels[rows]) / accumulate
                loss.backward()
                losses.append(loss.item() * accumulate)
                if (number + 1) % accumulate == 0:
                    optimizer.step()
                    optimizer.zero_grad()
            net.eval()
            with torch.no_grad():
                judged = cross_entropy(net(features), labels)
            if run is not None:
                run.log(eval_loss=judged)
                if run.stopped:
                    break
    return losses


def means(losses: list[float], size: int) -> list[float]:
    """The mean of every `size` losses."""
    return [float(np.mean(losses[at : at + size])) for at in range(0, len(losses), size)]
