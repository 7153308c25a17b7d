"""Know an error for want of memory, and give back what it left behind."""

from __future__ import annotations

import gc
import os
import traceback

import torch

TEXTS = (
    "out of memory",
    "can't allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "OUT_OF_DEVICE_MEMORY",
    "OUT_OF_HOST_MEMORY",
)
"""What allocators say: CUDA, HIP, XPU and MPS "out of memory", PyTorch's on the CPU "can't allocate
memory", cuBLAS, cuDNN and Level Zero by their codes."""

ADVICE = (
    "try gradient_checkpointing=True (recomputes activations), a shorter max_length, LoRA in place "
    "of full training, or 8-bit optimizer states; `tunewell plan` says how much each saves"
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory, of a device or of the host, did not suffice."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in TEXTS)


def give_back(error: BaseException) -> None:
    """Let go of the tensors that the frames of an error hold, and of what allocators keep."""
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def in_short(error: BaseException) -> str:
    """What an error says, up to how much was asked for, without addresses and advice."""
    sentences = str(error).strip().partition("\n")[0].split(". ")
    return ". ".join(sentences[:2]).rstrip(".") or type(error).__name__


def free_host_bytes() -> int:
    """Host memory that a program may still take, 0 where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123  no file of the user's
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
