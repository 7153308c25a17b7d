"""The moment at which a module's backward pass is over: when its inputs have their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def tell_when_back(
    args: tuple[Any, ...], kwargs: dict[str, Any], told: Callable[[], None]
) -> Arguments:
    """The arguments of a module; `told` is called once the backward pass has gone through them.

    Nothing is ever told of a module whose inputs want no gradient, such as an embedding.
    """
    leaves, shape = tree_flatten((args, kwargs))
    places = [place for place, leaf in enumerate(leaves) if wants_gradient(leaf)]
    if places:
        apply: Callable[..., Any] = _Passed.apply
        passed = apply(told, *(leaves[place] for place in places))
        for place, leaf in zip(places, passed, strict=True):
            leaves[place] = leaf
    again: Arguments = tree_unflatten(leaves, shape)
    return again


def tell_before(output: object, told: Callable[[], None]) -> None:
    """Call `told` when the backward pass reaches what a module has answered."""
    for leaf in tree_flatten(output)[0]:
        if wants_gradient(leaf):
            leaf.register_hook(lambda _: told())


def call_after_gradient(parameter: Any, told: Callable[[torch.Tensor], None]) -> None:  # noqa: ANN401  torch's methods have no types
    """Call `told` with a parameter whenever its gradient has been added up."""
    parameter.register_post_accumulate_grad_hook(told)


def wants_gradient(leaf: object) -> bool:
    """Whether autograd follows this value."""
    return isinstance(leaf, torch.Tensor) and leaf.requires_grad


class _Passed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, told: Callable[[], None], *inputs: torch.Tensor) -> Any:  # noqa: ANN401  torch's signature is open
        ctx.told = told
        return inputs

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:  # noqa: ANN401  as above
        ctx.told()
        return None, *gradients
