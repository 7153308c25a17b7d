"""Tests of what is counted of operations: by hand, on the meta device."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody knows it by

from tunewell.plan.simulated import Work
from tunewell.simulate.reductions import Processors
from tunewell.simulate.storages import Storages

A100 = Processors(108, 2048)


def counted(action: Callable[[], object]) -> tuple[Work, ...]:
    """The work of what an action runs."""
    storages = Storages(A100)
    storages.mark("step")
    with storages:
        action()
    return storages.ledger.work("step", name="forward", scale=1.0)


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A tensor without values."""
    return torch.empty(shape, dtype=dtype, device="meta")


def test_a_product_of_matrices() -> None:
    """2 m n k operations; both operands read and the answer written."""
    left, right = meta(32, 64, dtype=torch.bfloat16), meta(64, 16, dtype=torch.bfloat16)
    (found,) = counted(lambda: left @ right)
    assert (found.unit, found.precision, found.kernels) == ("matrix", "bf16", 1)
    assert found.operations == 2 * 32 * 64 * 16
    assert found.bytes == 2 * (32 * 64 + 64 * 16 + 32 * 16)


def test_products_that_torch_leaves_out() -> None:
    """Of integers, and of groups of rows with a matrix each."""
    left, right = meta(32, 64, dtype=torch.int8), meta(64, 16, dtype=torch.int8)
    (found,) = counted(lambda: torch._int_mm(left, right))
    assert (found.precision, found.operations) == ("int8", 2 * 32 * 64 * 16)
    rows, experts = meta(48, 64, dtype=torch.bfloat16), meta(4, 64, 16, dtype=torch.bfloat16)
    ends = meta(4, dtype=torch.int32)
    (found,) = counted(lambda: torch._grouped_mm(rows, experts, offs=ends))
    assert (found.unit, found.operations) == ("matrix", 2 * 48 * 64 * 16)


def test_sums_stay_apart_by_size() -> None:
    """Small kernels run below the peak: a sum over all would hide them."""
    small, large = meta(8, 8), meta(256, 256)
    found = counted(lambda: [small @ small, small @ small, large @ large])
    assert [(w.kernels, w.operations) for w in found] == [(2, 2 * 2 * 8**3), (1, 2 * 256**3)]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda: F.embedding(meta(4, 8, dtype=torch.int64), meta(50_000, 64)), 32 * 8 + 2 * 8192),
        (lambda: meta(1000).zero_(), 4000),
        (lambda: meta(1000).add_(1), 8000),
        (lambda: meta(1000).copy_(meta(1000)), 8000),
        (lambda: meta(1000, 1).expand(1000, 500).sum(), 4000 + 4),
        (lambda: meta(10).view(2, 5), 0),
        (
            lambda: meta(9000, 8).index_add_(0, meta(5, dtype=torch.int64), meta(5, 8)),
            40 + 160,
        ),
    ],
    ids=["embedding", "zero", "add", "copy", "expanded", "view", "index_add"],
)
def test_traffic(action: Callable[[], object], expected: int) -> None:
    """Tables are not read whole, what is written over is not read, what is expanded is small."""
    assert sum(work.bytes for work in counted(action)) == expected


@pytest.mark.parametrize(
    ("columns", "dtype", "expected"),
    [
        (50_264, torch.bfloat16, "matrix"),
        (50_257, torch.bfloat16, "unaligned"),  # gpt2's tokens
        (50_257, torch.float32, "matrix"),  # no tensor cores, nothing to align for
    ],
)
def test_rows_that_tensor_cores_cannot_read(
    columns: int, dtype: torch.dtype, expected: str
) -> None:
    hidden, head = meta(64, 768, dtype=dtype), meta(columns, 768, dtype=dtype)
    (forward,) = counted(lambda: hidden @ head.T)
    (weights,) = counted(lambda: meta(64, columns, dtype=dtype).T @ hidden)
    assert (forward.unit, weights.unit) == (expected, expected)


def test_an_odd_number_of_rows_is_no_trouble() -> None:
    """Only where rows begin counts: 63 tokens are as good as 64."""
    (found,) = counted(
        lambda: meta(63, 64, dtype=torch.bfloat16) @ meta(64, 32, dtype=torch.bfloat16)
    )
    assert found.unit == "matrix"


def test_lists_of_tensors_take_the_host_longer() -> None:
    some = [meta(8) for _ in range(160)]
    (found,) = counted(lambda: torch._foreach_mul_(some, 0.5))
    assert found.kernels == 11
    assert found.bytes == 2 * 160 * 32


def test_the_number_of_steps_is_counted_on_the_host() -> None:
    assert counted(lambda: meta().add_(1)) == ()
    assert counted(lambda: meta(1).add_(1)) != ()


def test_what_a_checkpoint_computes_again_is_apart() -> None:
    left = meta(8, 8)
    storages = Storages(A100)
    storages.mark("1:backward")
    with storages:
        with storages.recomputing():
            _ = left @ left
        _ = (left @ left) @ left
    again = storages.ledger.work("1:recompute", name="recompute", scale=1.0)
    rest = storages.ledger.work("1:backward", name="backward", scale=1.0)
    assert [w.kernels for w in (*again, *rest)] == [1, 2]


def test_attention_and_convolutions_are_units_of_their_own() -> None:
    query = meta(2, 4, 128, 64, dtype=torch.bfloat16)
    fused = torch.ops.aten._scaled_dot_product_flash_attention
    (found,) = counted(lambda: fused(query, query, query))
    assert (found.unit, found.precision) == ("attention", "bf16")
    assert found.operations == 2 * 2 * (2 * 4 * 128 * 128 * 64)
    image, filters = meta(2, 3, 8, 8), meta(5, 3, 3, 3)
    (found,) = counted(lambda: F.conv2d(image, filters))
    assert (found.unit, found.operations) == ("convolution", 2 * 2 * 5 * 36 * 27)


def test_a_scale_multiplies_everything() -> None:
    left = meta(8, 8)
    storages = Storages(A100)
    storages.mark("step")
    with storages:
        _ = left @ left
    (once,) = storages.ledger.work("step", name="forward", scale=1.0)
    (thrice,) = storages.ledger.work("step", name="backward", scale=3.0)
    assert (thrice.phase, thrice.kernels) == ("backward", 3)
    assert thrice.operations == 3 * once.operations
    assert thrice.bytes == 3 * once.bytes
    assert storages.ledger.work("other", name="other", scale=1.0) == ()
