"""Autocast as emulated against PyTorch's own on the CPU, where its lists are those of CUDA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody knows it by

from tunewell.simulate.attention import Kernels
from tunewell.simulate.autocast import Autocast
from tunewell.simulate.cuda import Cuda, regions_of

HALF = torch.bfloat16
WEIGHT, WIDE = (4, 8), (2, 8)


def cuda(autocast: Autocast) -> Cuda:
    return Cuda(Kernels(capability=80, version=(2, 13)), autocast=autocast, padded=False)


def emulated(run: Callable[..., Any], *tensors: torch.Tensor) -> torch.dtype:
    """Precision of the answer on the meta device."""
    autocast = Autocast(HALF, lambda _: None)
    with cuda(autocast), autocast.region():
        answer: torch.dtype = run(*(tensor.to("meta") for tensor in tensors)).dtype
    return answer


def real(run: Callable[..., Any], *tensors: torch.Tensor) -> torch.dtype:
    with torch.autocast("cpu", dtype=HALF):
        answer: torch.dtype = run(*tensors).dtype
    return answer


RUNS: dict[str, tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...]]] = {
    "linear": (F.linear, WIDE, WEIGHT),
    "matmul": (torch.matmul, WIDE, (8, 4)),
    "operator @": (lambda a, b: a @ b, WIDE, (8, 4)),
    "mm": (torch.mm, WIDE, (8, 4)),
    "bmm": (torch.bmm, (3, 2, 8), (3, 8, 4)),
    "addmm": (lambda a, b: torch.addmm(torch.zeros_like(a @ b), a, b), WIDE, (8, 4)),
    "einsum": (lambda a, b: torch.einsum("ij,jk->ik", a, b), WIDE, (8, 4)),
    "convolution": (F.conv1d, (1, 3, 9), (2, 3, 2)),
    "add": (torch.add, WIDE, WIDE),
    "multiply": (torch.mul, WIDE, WIDE),
    "concatenate": (lambda a, b: torch.cat([a, b]), WIDE, WIDE),
    "gelu": (lambda a, _: F.gelu(a), WIDE, WIDE),
    "mean squared error": (F.mse_loss, WIDE, WIDE),
}


BOTH = (torch.float32, HALF)
NOT_MIXED = {"addmm", "concatenate"}
"""PyTorch refuses mixed operands of the first; the second the CPU's list has elsewhere."""


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        (name, first, second)
        for name in RUNS
        for first in BOTH
        for second in BOTH
        if first == second or name not in NOT_MIXED
    ],
)
def test_operations_of_both_lists_answer_as_pytorch_does(
    name: str, first: torch.dtype, second: torch.dtype
) -> None:
    run, one, two = RUNS[name]
    tensors = torch.ones(one, dtype=first), torch.ones(two, dtype=second)
    assert emulated(run, *tensors) == real(run, *tensors)


@pytest.mark.parametrize(
    "run",
    [
        lambda a: F.layer_norm(a, (8,)),
        lambda a: F.softmax(a, -1),
        lambda a: torch.log_softmax(a, -1),
        lambda a: a.exp(),
        lambda a: a.pow(2),
        lambda a: a**2,
        lambda a: a.rsqrt(),
        lambda a: a.sum(),
        lambda a: F.cross_entropy(a, torch.zeros(2, dtype=torch.int64, device=a.device)),
    ],
    ids=[
        "layer_norm", "softmax", "log_softmax", "exp", "pow", "**", "rsqrt", "sum", "cross_entropy",
    ],
)  # fmt: skip
def test_what_cuda_runs_in_fp32_answers_fp32(run: Callable[..., Any]) -> None:
    """By the page "CUDA Op-Specific Behavior": the CPU's list is shorter."""
    assert emulated(run, torch.ones(WIDE, dtype=HALF)) == torch.float32
    assert emulated(run, torch.ones(WIDE)) == torch.float32


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_keeps_16_bits_until_the_loss(reduction: str) -> None:
    made: list[torch.dtype] = []
    autocast = Autocast(HALF, lambda _: None)
    logits = torch.ones((2, 8), dtype=HALF, device="meta", requires_grad=True)
    target = torch.zeros(2, dtype=torch.int64, device="meta")
    with cuda(autocast), autocast.region():
        loss = F.cross_entropy(logits, target, reduction=reduction)
    graph: Any = loss.grad_fn
    while graph is not None:
        made.append(graph._input_metadata[0].dtype)
        graph = graph.next_functions[0][0] if graph.next_functions else None
    assert loss.dtype == torch.float32
    assert loss.shape == (() if reduction != "none" else (2,))
    # The loss, the cast before it, and the logarithm in 16 bits.
    assert made[:3] == [torch.float32, torch.float32, HALF]


def test_casts_of_weights_are_kept_until_the_outermost_region_ends() -> None:
    told: list[torch.Tensor] = []
    autocast = Autocast(HALF, told.append)
    weight = torch.nn.Parameter(torch.ones(WEIGHT, device="meta"))
    values = torch.ones(WIDE, device="meta")
    with cuda(autocast):
        with autocast.region():
            F.linear(values, weight)
            with autocast.region():
                F.linear(values, weight)
            F.linear(values, weight)
        assert len(told) == 1
        with autocast.region():
            F.linear(values, weight)
        assert len(told) == 2
        with autocast.region():
            # A frozen weight, and one cut out of another, are cast each time.
            F.linear(values, weight.detach())
            F.linear(values, weight[:2])
    assert len(told) == 2


def test_pytorch_too_keeps_casts_of_leaves_that_want_a_gradient_only() -> None:
    values = torch.ones(WIDE)
    for wants in (True, False):
        weight = torch.nn.Parameter(torch.ones(WEIGHT), requires_grad=wants)
        with torch.autocast("cpu", dtype=HALF):
            before = F.linear(values, weight)
            with torch.no_grad():
                weight.fill_(2.0)
            after = F.linear(values, weight)
        # A kept cast does not see the new value.
        assert torch.equal(before, after) is wants


def test_regions_inside_models_switch_the_emulation() -> None:
    autocast = Autocast(HALF, lambda _: None)
    values = torch.ones(WIDE, device="meta")
    with cuda(autocast), regions_of(autocast), autocast.region():
        assert torch.is_autocast_enabled()
        with torch.autocast("cuda", enabled=False):
            assert not torch.is_autocast_enabled()
            assert (values @ values.t()).dtype == torch.float32
        assert (values @ values.t()).dtype == HALF
    assert not torch.is_autocast_enabled()
    with torch.autocast("cpu", dtype=HALF):
        assert F.linear(torch.ones(WIDE), torch.ones(WEIGHT)).dtype == HALF


def test_dropout_keeps_a_mask_of_one_byte() -> None:
    autocast = Autocast(HALF, lambda _: None)
    values = torch.ones(WIDE, device="meta", requires_grad=True)
    with cuda(autocast):
        assert F.dropout(values, 0.5, training=False) is values
        assert F.dropout(values, 0.0) is values
        dropped = F.dropout(values, 0.5)
    kept: Any = dropped.grad_fn
    assert kept.name() == "NativeDropoutBackward0"
    assert kept._saved_result1.dtype == torch.bool


@pytest.mark.parametrize("padded", [False, True])
def test_questions_of_values_are_answered(padded: bool) -> None:
    mode = Cuda(Kernels(capability=80, version=(2, 13)), autocast=None, padded=padded)
    with mode:
        assert bool(torch.ones(3, device="meta").all()) is not padded
        assert torch.ones((), dtype=torch.int64, device="meta").item() == 1
        assert torch.ones((), device="meta").item() == pytest.approx(1.0)
        assert torch.ones(()).add(4).item() == pytest.approx(5.0)
