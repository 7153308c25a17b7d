"""`scaled_dot_product_attention` as CUDA runs it: which kernel, and on what tensors.

The order of kernels and what each accepts follow PyTorch's sdp_utils.cpp. On the meta device
PyTorch itself would take the plain mathematics, which holds the whole attention matrix.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody knows it by

HALF = (torch.float16, torch.bfloat16)
FLASH_FROM = 80
"""Compute capability from which flash attention and bf16 kernels exist."""
FOR_16_BITS = frozenset({"flash", "cudnn"})
CUDNN_ON = frozenset({90, 100, 103})
"""Capabilities on which cuDNN's attention comes first."""
CUDNN_SINCE = (2, 10)
EFFICIENT_GROUPS_SINCE = (2, 14)
"""From which version the memory-efficient kernel takes fewer key heads than query heads."""
WIDEST = 256
"""Head dimension of the fused 16-bit kernels."""
MASK_ALIGNED = 16


class NoKernelError(Exception):
    """The kernel that is asked for does not take such tensors: one sentence."""


class Kernels:
    """The attention kernels of one GPU.

    `only` names the one kernel that may be taken, as `torch.nn.attention.sdpa_kernel` does.
    `version` is that of the PyTorch that will run there.
    """

    def __init__(
        self, *, capability: int, version: tuple[int, int], only: str | None = None
    ) -> None:
        self.capability = capability
        self.cudnn = version >= CUDNN_SINCE and capability in CUDNN_ON
        self._efficient_groups = version >= EFFICIENT_GROUPS_SINCE
        self.only = only
        self.taken: Counter[str] = Counter()

    def __call__(  # noqa: PLR0913, PLR0917  torch's interface
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        """Attention through the kernel that CUDA would choose."""
        grouped = enable_gqa and query.shape[1] != key.shape[1]
        if self.only in FOR_16_BITS and (query.dtype not in HALF or self.capability < FLASH_FROM):
            reason = (
                f"{self.only} attention takes fp16 or bf16 on GPUs of compute capability 8.0 or "
                f"more: it would stop here, with {str(query.dtype).removeprefix('torch.')} on "
                f"{self.capability / 10}"
            )
            raise NoKernelError(reason)
        kernel = self.only or self._choice(query, value, attn_mask, grouped=grouped)
        self.taken[kernel] += 1
        if kernel == "math":
            return mathematics(
                query, key, value, attn_mask, dropout_p, is_causal, scale=scale, grouped=grouped
            )
        aten: Any = torch.ops.aten
        bias = _bias(attn_mask, query, key, aligned=kernel == "efficient")
        keeps = torch.is_grad_enabled()
        if kernel == "flash":
            outputs = aten._scaled_dot_product_flash_attention(  # noqa: SLF001  the operator's name
                query, key, value, dropout_p, is_causal, return_debug_mask=False, scale=scale
            )
        elif kernel == "cudnn":
            outputs = aten._scaled_dot_product_cudnn_attention(  # noqa: SLF001  as above
                query, key, value, bias, keeps, dropout_p, is_causal, False, scale=scale
            )
        else:
            if grouped:
                times = query.shape[1] // key.shape[1]
                key = key.repeat_interleave(times, dim=-3)
                value = value.repeat_interleave(times, dim=-3)
            outputs = aten._scaled_dot_product_efficient_attention(  # noqa: SLF001  as above
                query, key, value, bias, keeps, dropout_p, is_causal, scale=scale
            )
        answer: torch.Tensor = outputs[0]
        return answer

    def _choice(
        self,
        query: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        *,
        grouped: bool,
    ) -> str:
        width = query.shape[-1]
        half = query.dtype in HALF
        modern = self.capability >= FLASH_FROM
        if mask is not None and mask.stride(-1) != 1:
            # No fused kernel reads a mask across its rows.
            return "math"
        fused = half and modern and width == value.shape[-1] and width % 8 == 0
        learned = mask is not None and mask.requires_grad
        if fused and self.cudnn and width <= WIDEST and not learned:
            return "cudnn"
        if fused and mask is None and width <= WIDEST:
            return "flash"
        able = width % (8 if half else 4) == 0 and (modern or query.dtype != torch.bfloat16)
        return "efficient" if able and (self._efficient_groups or not grouped) else "math"


def _bias(
    mask: torch.Tensor | None, query: torch.Tensor, key: torch.Tensor, *, aligned: bool
) -> torch.Tensor | None:
    """The mask as what is added to the scores: a boolean one becomes one of the query's type."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        nothing = torch.zeros((), dtype=query.dtype, device=query.device)
        never = torch.full((), float("-inf"), dtype=query.dtype, device=query.device)
        mask = torch.where(mask, nothing, never)
    if aligned and mask.shape[-1] % MASK_ALIGNED:
        width = mask.shape[-1]
        mask = F.pad(mask, (0, MASK_ALIGNED - width % MASK_ALIGNED))[..., :width]
    return mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])


def mathematics(  # noqa: PLR0913  torch's interface
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    dropout: float,
    causal: bool,
    *,
    scale: float | None,
    grouped: bool,
) -> torch.Tensor:
    """Attention in plain operations, in fp32 where the inputs have 16 bits.

    With dropout CUDA runs it fused, with a mask of one byte a value; PyTorch's own composition
    would not do so on the meta device.
    """
    if not dropout:
        plain: torch.Tensor = torch.ops.aten._scaled_dot_product_attention_math(  # noqa: SLF001  the operator's name
            query, key, value, mask, dropout, causal, None, scale=scale, enable_gqa=grouped
        )[0]
        return plain
    dtype = query.dtype
    if dtype in HALF:
        query, key, value = query.float(), key.float(), value.float()
        mask = mask.float() if mask is not None and mask.is_floating_point() else mask
    root = math.sqrt(scale or 1 / math.sqrt(query.shape[-1]))
    if causal:
        shape = (query.shape[-2], key.shape[-2])
        mask = torch.ones(shape, dtype=torch.bool, device=query.device).tril()
    if mask is not None and mask.dtype == torch.bool:
        zeros = torch.zeros(mask.shape, dtype=query.dtype, device=query.device)
        mask = zeros.masked_fill_(mask.logical_not(), float("-inf"))
    if grouped:
        times = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(times, 1), value.repeat_interleave(times, 1)
    scores = torch.matmul(query * root, key.transpose(-2, -1) * root)
    if mask is not None:
        scores.add_(mask)
    weights = torch.native_dropout(torch._safe_softmax(scores, -1), dropout, True)[0]  # noqa: SLF001  torch's interface
    return torch.matmul(weights, value).to(dtype)
