"""Buffers of reductions, and memory inside kernels, against what an H200's histories show."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from tunewell.simulate.hidden import hidden_bytes
from tunewell.simulate.reductions import Processors, buffer_bytes

H200 = Processors(132, 2048)
FLASH = "aten::_scaled_dot_product_flash_attention_backward"
EFFICIENT = "aten::_scaled_dot_product_efficient_attention_backward"
CUDNN = "aten::_scaled_dot_product_cudnn_attention_backward"


@pytest.mark.parametrize(
    ("rows", "outputs", "size"),
    [
        (2048, 768, 12_582_912),
        (2048, 3072, 50_331_648),
        (4096, 896, 29_360_128),
        (4096, 128, 4_194_304),
    ],
)
def test_a_sum_over_rows_takes_the_recorded_buffer(rows: int, outputs: int, size: int) -> None:
    assert buffer_bytes((rows, outputs), (outputs, 1), (0,), H200) == size
    batched = (4, rows // 4, outputs)
    assert buffer_bytes(batched, (rows * outputs // 4, outputs, 1), (0, 1), H200) == size
    summed = torch.empty((rows, outputs), device="meta")
    assert hidden_bytes("aten::sum", (summed, [0]), H200) == size
    assert hidden_bytes("aten::mean", (summed, [-2]), H200) == size


@pytest.mark.parametrize(
    ("shape", "dims"),
    [((2048, 768), (1,)), ((2048, 768), ()), ((64, 768), (0,)), ((1, 768), (0,)), ((9,), (0,))],
    ids=["along rows", "everything", "few rows", "one row", "a vector"],
)
def test_other_sums_take_none(shape: tuple[int, ...], dims: tuple[int, ...]) -> None:
    strides = torch.empty(shape, device="meta").stride()
    assert buffer_bytes(shape, strides, dims, H200) == 0


def test_smaller_cards_split_less() -> None:
    t4 = Processors(40, 1024)
    assert 0 < buffer_bytes((2048, 3072), (3072, 1), (0,), t4) < 50_331_648


def heads(count: int, *, dtype: torch.dtype = torch.bfloat16, width: int = 64) -> torch.Tensor:
    return torch.empty((4, count, 1024, width), dtype=dtype, device="meta")


def test_backward_of_cudnn_takes_what_the_histories_show() -> None:
    """Of Llama 3.2 1B, 2 rows of 1,024 tokens, and of Qwen2.5 0.5B, 4 rows of them."""
    llama = [torch.empty((2, n, 1024, 64), dtype=torch.bfloat16, device="meta") for n in (32, 8)]
    assert hidden_bytes(CUDNN, (llama[0], *llama), H200) == 33_817_088
    assert hidden_bytes(CUDNN, (heads(14), heads(14), heads(2)), H200) == 29_590_016
    alone = hidden_bytes(CUDNN, (heads(14), heads(14), heads(14)), H200)
    assert alone == 4 * 14 * 1024 * 4 * 65 + 512


def test_backward_of_flash_attention_accumulates_in_fp32() -> None:
    query = heads(8)
    rows = 4 * 8 * 1024
    assert hidden_bytes(FLASH, (query, query, query), H200) == rows * 4 * (1 + 64)
    grouped = hidden_bytes(FLASH, (query, query, heads(2)), H200)
    assert grouped == rows * 4 * (1 + 64) + 2 * rows * 64 * 2
    odd = torch.empty((1, 1, 100, 40), dtype=torch.bfloat16, device="meta")
    assert hidden_bytes(FLASH, (odd, odd, odd), H200) == 128 * 4 * (1 + 64)


def test_backward_of_efficient_attention_accumulates_wide_heads_of_16_bits() -> None:
    rows = 4 * 8 * 1024
    for dtype, width, each in (
        (torch.float32, 128, 4),
        (torch.float16, 64, 4),
        (torch.float16, 128, 4 + 128 * 4),
    ):
        query = heads(8, dtype=dtype, width=width)
        assert hidden_bytes(EFFICIENT, (query, query, query), H200) == rows * each


def test_softmax_and_embeddings_take_memory_inside() -> None:
    scores = heads(8)
    softmax = hidden_bytes("aten::_softmax_backward_data", (scores, scores), H200)
    assert softmax == scores.numel() * 2
    tokens = torch.empty((4, 512), dtype=torch.int64, device="meta")
    embedding = hidden_bytes("aten::embedding_dense_backward", (scores, tokens), H200)
    assert embedding == 4 * 8 * 4 * 512
    assert hidden_bytes("aten::mm", (scores, scores), H200) == 0
