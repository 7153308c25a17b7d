"""Facts about the layers that the watcher sampled."""

from __future__ import annotations

from tunewell.facts.layers import GRADIENT, LOOKED_UP, sampled
from tunewell.facts.run.fact import Seen, Told, fact, told

TINY_PART = 1e4
"""Layers' gradients differ a hundredfold in healthy models: so many times is far beyond that."""


@fact("gradient-small-from-start", "how large the gradients of the layers were at first")
def small_from_start(seen: Seen) -> Told | None:
    """Layers whose first sampled gradient is a tiny part of the largest one."""
    first = {
        name: float(column.values[0])
        for name, column in sampled(seen.trace, GRADIENT).items()
        if not any(part in name.lower() for part in LOOKED_UP)
    }
    largest = max(first.values(), default=0.0)
    small = {name: value for name, value in first.items() if 0 < value < largest / TINY_PART}
    if not small:
        return None
    name = min(small, key=small.__getitem__)
    return told(
        1.0,
        f"at the first look the gradient of {name} was {small[name]:.1g}, where another layer's "
        f"was {largest:.1g}",
    )
