"""Be told of the loss that is differentiated, in every framework: they all call `backward`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

Listener = Callable[[torch.Tensor], None]
_LISTENERS: list[tuple[Listener, Listener | None]] = []
_ORIGINAL = torch.Tensor.backward


@functools.wraps(_ORIGINAL)
def _backward(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
    told = tuple(_LISTENERS)
    for before, _ in told:
        before(self)
    made = _ORIGINAL(self, *args, **kwargs)  # type: ignore[no-untyped-call]
    for _, after in told:
        if after is not None:
            after(self)
    return made


def told_of_backward(before: Listener, after: Listener | None = None) -> Callable[[], None]:
    """Call `before` with each tensor whose `backward` is called, and `after` when it has run.

    Returns the function that ends it. `torch.Tensor.backward` is replaced while there is a
    listener: a loss that is made outside the model passes no hook of a module, and of what a
    trainer logs the values that are not finite are left out.
    """
    pair = (before, after)
    _LISTENERS.append(pair)
    torch.Tensor.backward = _backward  # type: ignore[method-assign]

    def end() -> None:
        if pair in _LISTENERS:
            _LISTENERS.remove(pair)
        # Another tool may have put its own function on top of ours: that one stays.
        if not _LISTENERS and torch.Tensor.backward is _backward:
            torch.Tensor.backward = _ORIGINAL  # type: ignore[method-assign]

    return end
