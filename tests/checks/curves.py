"""Curves written down for the tests of checks on runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tunewell.subjects.trace import Trace
from tunewell.testing import trace

Values = NDArray[np.float64]
SOURCE = "written down"
Logged = Sequence[float] | Values | Mapping[int, float]


def scatter(count: int, size: float = 0.05, seed: int = 0) -> Values:
    """Noise of this standard deviation."""
    return size * np.random.default_rng(seed).normal(size=count)


def falling(count: int = 200, *, first: float = 2.0, last: float = 0.3, seed: int = 0) -> Values:
    """An exponential fall with scatter, never below 0.01."""
    shape = last + (first - last) * np.exp(-4 * np.arange(count) / count)
    return np.maximum(shape + scatter(count, 0.05 * first, seed), 0.01)


def level(count: int = 200, *, at: float = 1.0, size: float = 0.05, seed: int = 0) -> Values:
    """A level with scatter."""
    return at + scatter(count, size, seed)


def linear(count: int = 100, *, rate: float = 1e-3, warmup: int = 10, total: int = 0) -> Values:
    """The linear schedule of transformers as the rates of steps 1, 2, 3 ..."""
    steps, total = np.arange(count), total or count
    down = rate * np.maximum(0.0, (total - steps) / max(1, total - warmup))
    return np.where(steps < warmup, rate * steps / max(1, warmup), down)


def cosine(count: int = 100, *, rate: float = 1e-3, times: float = 1.0) -> Values:
    """A cosine over so many steps, passed through `times` times as fast."""
    return 0.5 * rate * (1 + np.cos(np.pi * times * np.arange(count) / count))


def run(
    *,
    finished: bool = True,
    max_steps: int | None = None,
    classes: int | None = None,
    settings: Mapping[str, object] | None = None,
    **columns: Logged,
) -> Trace:
    """A trace of these columns, with what the run says of itself."""
    made = trace(source=SOURCE, **{name: _plain(values) for name, values in columns.items()})
    return dataclasses.replace(
        made, finished=finished, max_steps=max_steps, classes=classes, settings=settings or {}
    )


def with_layers(made: Trace, **columns: Logged) -> Trace:
    """The trace with columns of layers: `update__head` is `update_ratio/head`."""
    names = {"update": "update_ratio", "gradient": "gradient_rms"}
    numbers = {name: _plain(values) for name, values in columns.items()}
    added = trace(source=SOURCE, **numbers).columns
    renamed = {
        f"{names[kind]}/{layer}": column
        for (kind, _, layer), column in (
            (name.partition("__"), column) for name, column in added.items()
        )
    }
    return dataclasses.replace(made, columns={**made.columns, **renamed})


def _plain(
    values: Logged,
) -> Sequence[float] | Mapping[int, float]:
    return values if isinstance(values, Mapping) else [float(value) for value in values]
