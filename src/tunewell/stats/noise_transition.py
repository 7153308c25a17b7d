"""Fit one temperature and the noise of given labels to out-of-sample probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FLOOR = 1e-30
"""Smallest probability that is told apart from zero."""

CELLS_FITTED = 4_000_000
"""Probabilities that the fit looks at: 52,000 rows, drawn at random, at 77 classes."""

MOST_ROUNDS = 30
"""Rounds of the fit, at most."""


def log_chances(probabilities: NDArray[np.floating]) -> Floats:
    """Natural logarithms in double precision, finite for zeros too."""
    logits: Floats = np.log(np.maximum(probabilities.astype(np.float64), FLOOR))
    return logits


def softmax(logits: Floats, temperature: float) -> Floats:
    """Probabilities of shape (n, k) from logits of that shape, divided by the temperature."""
    scaled = logits / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    scaled /= scaled.sum(axis=1, keepdims=True)
    return scaled


def fit(probabilities: NDArray[np.floating], given: Ints) -> tuple[float, Floats]:
    """Temperature and chance of each given class (column) for each right class (row).

    Both together maximise the likelihood of the given labels. Rates of classes are drawn towards
    the common rate, and where errors go towards the sizes of the classes, by a few rows' worth.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  slow to import

    rows, classes = probabilities.shape
    taken = np.arange(rows)
    if rows * classes > CELLS_FITTED:
        taken = np.random.default_rng(0).choice(rows, CELLS_FITTED // classes, replace=False)
    taken = taken[np.argsort(given[taken], kind="stable")]
    logits, labels = log_chances(probabilities[taken]), given[taken]
    sizes = np.bincount(labels, minlength=classes).astype(np.float64)
    others = np.tile((sizes + 1) / (sizes + 1).sum(), (classes, 1))
    np.fill_diagonal(others, 0.0)
    others /= others.sum(axis=1, keepdims=True)
    present = np.flatnonzero(sizes)
    starts = np.searchsorted(labels, present)
    transition = 0.02 * others + 0.98 * np.eye(classes)
    log_temperature, reach = 0.0, 3.0
    for _ in range(MOST_ROUNDS):
        columns = transition.T[labels]

        def loss(at: float, columns: Floats = columns) -> float:
            chance = np.einsum("nk,nk->n", softmax(logits, float(np.exp(at))), columns)
            return float(-np.log(np.maximum(chance, FLOOR)).sum() / max(1, rows))

        bounds = (log_temperature - reach, log_temperature + reach)
        found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 0.005})
        moved = abs(float(found.x) - log_temperature)
        log_temperature, reach = float(found.x), 0.3
        truth = softmax(logits, float(np.exp(log_temperature)))
        before = transition
        for _ in range(5):
            weight = truth * transition.T[labels]
            weight /= np.maximum(weight.sum(axis=1, keepdims=True), FLOOR)
            counts = np.zeros((classes, classes))
            if len(present):
                counts[:, present] = np.add.reduceat(weight, starts, axis=0).T
            transition = _smoothed(counts, others)
        if moved < 0.01 and float(np.abs(np.diag(transition) - np.diag(before)).max()) < 0.001:  # noqa: PLR2004  below what any flag depends on
            break
    return float(np.exp(log_temperature)), transition


def _smoothed(counts: Floats, others: Floats) -> Floats:
    classes = len(counts)
    right = np.diag(counts)
    off = counts - np.diag(right)
    common = off.sum() / max(counts.sum(), 1.0)
    rate = (off.sum(axis=1) + 5 * common) / (counts.sum(axis=1) + 5)
    where = off + classes * others
    where /= where.sum(axis=1, keepdims=True)
    smoothed: Floats = where * rate[:, None] + np.diag(1 - rate)
    return smoothed
