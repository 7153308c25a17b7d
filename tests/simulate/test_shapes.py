"""Quick answers on the meta device are those of PyTorch: shape, strides and precision."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

import torch

from tunewell.simulate.shapes import quick

aten: Any = torch.ops.aten
SIZES = st.integers(1, 3)
DTYPES = st.sampled_from([torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool])
SWAPPED = {2: (1, 0), 3: (1, 0, 2), 4: (0, 2, 1, 3)}
"""Dimensions as they lie in memory, by their number."""


@st.composite
def operands(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:  # noqa: ANN401  a tensor
    """Of that shape or one that broadcasts to it, laid out in one of several ways."""
    fewer: str = draw(st.sampled_from(["none", "ones", "short", "all"]))
    if fewer == "ones":
        shape = tuple(draw(st.integers(0, 1)) * (size - 1) + 1 for size in shape)
    elif fewer != "none":
        shape = shape[1:] if fewer == "short" else ()
    order = tuple(range(len(shape)))
    if len(shape) in SWAPPED and draw(st.integers(0, 1)):
        order = SWAPPED[len(shape)]
    sizes = [shape[place] for place in order]
    gap = 2 * draw(st.integers(0, 1)) if shape else 0
    if gap:
        sizes[-1] += gap
    made = torch.empty(sizes, dtype=draw(DTYPES), device="meta")
    if gap:
        made = made[..., :-gap]
    return made.permute([order.index(place) for place in range(len(order))])


SHAPES = st.lists(SIZES, min_size=1, max_size=4).map(tuple)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(operands(shape), operands(shape)))
NUMBERS = st.sampled_from([2, 0.5])


def strides(tensor: torch.Tensor) -> list[int]:
    """Of dimensions with a second value: those of others say nothing."""
    return [step for size, step in zip(tensor.shape, tensor.stride(), strict=True) if size > 1]


def same(func: Any, *args: Any) -> bool:  # noqa: ANN401  torch's operator
    """Whether a quick answer was given; it must be PyTorch's."""
    answer = quick(func, args, {})
    if answer is None:
        return False
    real = func(*args)
    assert (answer.shape, answer.dtype) == (real.shape, real.dtype)
    assert answer.device.type == "meta"
    assert strides(answer) == strides(real)
    return True


@pytest.mark.parametrize("func", [aten.add.Tensor, aten.mul.Tensor], ids=str)
@settings(max_examples=40)
@given(pair=PAIRS)
def test_two_tensors(func: Any, pair: Any) -> None:  # noqa: ANN401
    same(func, *pair)


@settings(max_examples=40)
@given(pair=PAIRS, number=NUMBERS)
def test_a_tensor_and_a_number(pair: Any, number: float) -> None:  # noqa: ANN401
    same(aten.mul.Tensor, pair[0], number)
    same(aten.add.Tensor, pair[0], number)
    same(aten.pow.Tensor_Scalar, pair[0], number)
    if pair[0].dtype != torch.bool:
        same(aten.neg.default, pair[0])
    if pair[0].is_floating_point():
        same(aten.linalg_vector_norm.default, pair[0], number)


def test_what_a_model_does_most_is_answered() -> None:
    hidden = torch.empty((2, 8, 16), dtype=torch.bfloat16, device="meta")
    scale = torch.empty(16, dtype=torch.bfloat16, device="meta")
    heads = torch.empty((2, 8, 4, 4), device="meta").transpose(1, 2)
    assert same(aten.add.Tensor, hidden, hidden.float())
    assert same(aten.mul.Tensor, scale, hidden)
    assert same(aten.mul.Tensor, heads, torch.empty((1, 1, 8, 4), device="meta"))
    assert same(aten.linalg_vector_norm.default, hidden)


def test_what_is_not_plain_is_left_to_torch() -> None:
    hidden = torch.empty((2, 8, 16), device="meta")
    assert quick(aten.add.Tensor, (hidden, hidden), {"alpha": 2}) is None
    assert quick(aten.add.Tensor, (hidden, torch.ones(())), {}) is None
    assert quick(aten.mul.Tensor, (hidden[..., :3], 2.0), {}) is None
    assert quick(aten.linalg_vector_norm.default, (hidden, 2, [1]), {}) is None
    assert quick(aten.mm.default, (hidden[0], hidden[0].t()), {}) is None
    assert quick(aten.add.Tensor, (torch.ones(3), torch.ones(3)), {}) is None
