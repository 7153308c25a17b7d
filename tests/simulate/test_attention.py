"""Which attention kernel CUDA takes, and what it makes.

The table follows PyTorch's sdp_utils.cpp; the rows of capability 90 are those that an H200 took.
"""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from tunewell.simulate.attention import Kernels

HALF, WHOLE, FP16 = torch.bfloat16, torch.float32, torch.float16
NEW, OLD = (2, 13), (2, 9)


def heads(
    *, dtype: torch.dtype = HALF, count: int = 8, width: int = 64, tokens: int = 48
) -> torch.Tensor:
    return torch.empty((2, count, tokens, width), dtype=dtype, device="meta", requires_grad=True)


def boolean(tokens: int = 48) -> torch.Tensor:
    return torch.empty((2, 1, tokens, tokens), dtype=torch.bool, device="meta")


def learned(*, strided: bool = False) -> torch.Tensor:
    if strided:
        laid = torch.empty((1, 48, 48, 8), dtype=HALF, device="meta", requires_grad=True)
        return laid.permute(0, 3, 1, 2)
    return torch.empty((1, 8, 48, 48), dtype=HALF, device="meta", requires_grad=True)


TABLE: list[tuple[int, tuple[int, int], torch.dtype, int, str, int, str]] = [
    # capability, PyTorch, precision, width, mask, heads of keys, kernel
    (75, NEW, FP16, 64, "none", 8, "efficient"),
    (75, NEW, HALF, 64, "none", 8, "math"),
    (75, NEW, WHOLE, 64, "none", 8, "efficient"),
    (75, NEW, FP16, 64, "none", 2, "math"),
    (75, (2, 14), FP16, 64, "none", 2, "efficient"),
    (80, NEW, HALF, 64, "none", 8, "flash"),
    (80, NEW, FP16, 128, "none", 2, "flash"),
    (80, NEW, HALF, 256, "none", 8, "flash"),
    (80, NEW, HALF, 512, "none", 8, "efficient"),
    (80, NEW, HALF, 64, "boolean", 8, "efficient"),
    (80, NEW, HALF, 64, "boolean", 2, "math"),
    (80, NEW, HALF, 20, "none", 8, "math"),
    (80, NEW, WHOLE, 20, "none", 8, "efficient"),
    (80, NEW, WHOLE, 18, "none", 8, "math"),
    (80, NEW, WHOLE, 64, "none", 2, "math"),
    (80, NEW, HALF, 64, "strided", 8, "math"),
    (89, NEW, HALF, 64, "none", 8, "flash"),
    (90, NEW, HALF, 64, "none", 8, "cudnn"),
    (90, NEW, HALF, 64, "boolean", 2, "cudnn"),
    (90, OLD, HALF, 64, "none", 8, "flash"),
    (90, NEW, HALF, 64, "learned", 8, "efficient"),
    (90, NEW, HALF, 64, "strided", 8, "math"),
    (90, NEW, WHOLE, 64, "none", 8, "efficient"),
    (100, NEW, HALF, 128, "none", 8, "cudnn"),
    (120, NEW, HALF, 128, "none", 8, "flash"),
]


@pytest.mark.parametrize(
    ("capability", "version", "dtype", "width", "mask", "keys", "kernel"), TABLE
)
def test_the_kernel_is_the_one_of_the_table(  # noqa: PLR0913, PLR0917  columns of the table
    capability: int,
    version: tuple[int, int],
    dtype: torch.dtype,
    width: int,
    mask: str,
    keys: int,
    kernel: str,
) -> None:
    masks: dict[str, Any] = {
        "none": None,
        "boolean": boolean(),
        "learned": learned(),
        "strided": learned(strided=True),
    }
    kernels = Kernels(capability=capability, version=version)
    query, key = heads(dtype=dtype, width=width), heads(dtype=dtype, width=width, count=keys)
    out = kernels(query, key, key, masks[mask], enable_gqa=keys != 8)
    assert dict(kernels.taken) == {kernel: 1}
    assert (out.shape, out.dtype) == (query.shape, dtype)
    out.sum().backward()  # type: ignore[no-untyped-call]  # torch's
    assert query.grad is not None
    assert key.grad is not None
    assert (query.grad.shape, key.grad.shape) == (query.shape, key.shape)


@pytest.mark.parametrize("only", ["flash", "efficient", "math", "cudnn"])
def test_the_kernel_that_is_pinned_runs(only: str) -> None:
    kernels = Kernels(capability=80, version=NEW, only=only)
    kernels(heads(), heads(), heads(), is_causal=True)
    assert list(kernels.taken) == [only]


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("masked", ["causal", "boolean", "additive"])
def test_plain_mathematics_with_dropout_keeps_a_mask_of_one_byte(
    masked: str,
    grouped: bool,
) -> None:
    kernels = Kernels(capability=80, version=NEW, only="math")
    query, key = heads(), heads(count=2 if grouped else 8)
    additive = torch.empty((1, 1, 48, 48), dtype=HALF, device="meta")
    mask = {"causal": None, "boolean": boolean(), "additive": additive}[masked]
    out = kernels(query, key, key, mask, 0.1, masked == "causal", enable_gqa=grouped)
    assert (out.shape, out.dtype) == (query.shape, HALF)
    nodes: list[Any] = [out.grad_fn]
    for node in nodes:
        nodes += [parent for parent, _ in node.next_functions if parent is not None]
    assert "NativeDropoutBackward0" in {node.name() for node in nodes}


def test_a_mask_is_aligned_for_the_efficient_kernel() -> None:
    kernels = Kernels(capability=80, version=NEW)
    query = heads(dtype=WHOLE, tokens=50)
    out = kernels(query, query, query, boolean(50))
    assert out.shape == query.shape
    assert dict(kernels.taken) == {"efficient": 1}
