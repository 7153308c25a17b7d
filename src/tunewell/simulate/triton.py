"""Kernels that TRL writes in Triton: on a GPU they take no memory, and TRL runs others elsewhere.

Read from trl/kernels/chunked_logprob.py of TRL 1.16: logits are made in tiles, which one kernel
folds into running sums and another turns into their own gradient.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from tunewell.simulate.autocast import HALF
from tunewell.simulate.storages import Storages

KERNELS = "trl.kernels.chunked_logprob"
ASKED = "_use_triton"


class _Kernel:
    """A kernel that works on what is there."""

    def __getitem__(self, grid: object) -> Any:  # noqa: ANN401  Triton's interface
        return lambda *_, **__: None


def _yes(_: torch.device) -> bool:
    return True


@contextmanager
def as_on_cuda(storages: Storages) -> Iterator[None]:
    """Let TRL's loss take its way of a GPU, where TRL is in use."""
    kernels: Any = sys.modules.get(KERNELS)
    if kernels is None:
        yield
        return
    plain = kernels._addmm_fp32  # noqa: SLF001  TRL has no public name for it

    def added(total: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> None:
        """`torch.addmm(..., out_dtype=float32, out=total)`, which no other device than CUDA has."""
        if one.dtype not in HALF:
            plain(total, one, other)
            return
        operator = torch.ops.aten.mm.default
        storages.ledger.count(operator, "aten::mm", (one, other), {}, total, storages.phase)

    with ExitStack() as patches:
        for module in [kernels, *_users()]:
            patches.enter_context(mock.patch.object(module, ASKED, _yes))
        for name in ("_forward_kernel", "_backward_kernel"):
            patches.enter_context(mock.patch.object(kernels, name, _Kernel()))
        patches.enter_context(mock.patch.object(kernels, "_addmm_fp32", added))
        divided = SimpleNamespace(cdiv=lambda one, other: -(-one // other))
        patches.enter_context(mock.patch.object(kernels, "triton", divided, create=True))
        yield


def _users() -> list[object]:
    """Modules of TRL that took the question by its name."""
    return [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("trl.") and name != KERNELS and ASKED in vars(module)
    ]
