"""Give a copied model a forward of its own, and a copied trainer containers of its own.

TRL and accelerate put a forward on the model object that closes over the model it was made for. A
deep copy keeps that closure, and so would run the user's model instead of itself.
"""

from __future__ import annotations

import collections
import copy
import inspect
from types import FunctionType
from typing import Any

FUSED = "_fused_forward"
"""The function in which TRL computes scores of tokens without their logits."""

OPTIONS = ("temperature", "outputs", "cast_lm_head_to_fp32")


def own_forward(
    copied: Any,  # noqa: ANN401  a model of any library
    original: Any,  # noqa: ANN401  as above
) -> None:
    """Make `copied` run its own layers, in the way that `original` runs its own."""
    live = vars(copied)
    if "_original_forward" in live:
        # accelerate's wrapper for mixed precision; training wraps it again.
        live["forward"] = live.pop("_original_forward")
    options = _fusing(original)
    if options is not None:
        from trl.trainer.utils import add_fused_lm_head  # noqa: PLC0415  only where TRL is in use

        live.pop("forward", None)
        add_fused_lm_head(copied, **options)


def _fusing(model: Any) -> dict[str, Any] | None:  # noqa: ANN401  as above
    """How TRL fused the output layer of the model; None where it did not."""
    for name in ("_original_forward", "forward"):
        function: Any = getattr(vars(model).get(name), "__func__", None)
        if isinstance(function, FunctionType) and function.__code__.co_name == FUSED:
            # `functools.wraps` shows the class's forward; the closure is the wrapper's own.
            cells = inspect.getclosurevars(function).nonlocals
            return {option: cells[option] for option in OPTIONS if option in cells}
    return None


def own_containers(value: Any) -> Any:  # noqa: ANN401  of any kind
    """Containers copied, however deep, with what they hold shared."""
    if isinstance(value, collections.defaultdict):
        return collections.defaultdict(
            value.default_factory, {key: own_containers(entry) for key, entry in value.items()}
        )
    if type(value) in {dict, collections.OrderedDict}:
        return type(value)((key, own_containers(entry)) for key, entry in value.items())
    if type(value) in {list, set, collections.deque}:
        return copy.copy(value)
    return value
