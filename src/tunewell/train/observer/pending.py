"""Numbers that an accelerator is still computing, taken without waiting for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

MOST = 4096
"""Entries that may wait; a run that never lets one be read loses the oldest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Numbers of one step: `names` and `values` (float64, same length)."""

    kind: str
    step: int
    names: Sequence[str]
    values: torch.Tensor
    ready: Any = None
    known: Sequence[tuple[str, float]] = ()


NOTHING = torch.empty(0)


def vector(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """0-dimensional tensors as one vector, float64 where the device has it."""
    wide = torch.float32 if tensors[0].device.type == "mps" else torch.float64
    return torch.stack([tensor.detach().to(tensors[0].device, wide) for tensor in tensors])


class Pending:
    """A queue of numbers in the order of their steps.

    On the processor they are there at once. On CUDA they are copied to pinned memory behind the
    work that makes them, and taken once that has been done: nothing waits. Elsewhere they stay on
    the device until `take(wait=True)` is called, where the trainer itself waits for its loss.
    """

    def __init__(self) -> None:
        self._queue: deque[Entry] = deque(maxlen=MOST)

    def put(
        self,
        kind: str,
        step: int,
        names: Sequence[str] = (),
        values: torch.Tensor | None = None,
        known: Sequence[tuple[str, float]] = (),
    ) -> None:
        """Add a vector with a name for each value, and numbers that are known already."""
        if values is None:
            self._queue.append(Entry(kind, step, (), NOTHING, None, known))
            return
        values = values.detach()
        ready: Any = None
        if values.device.type == "cuda":
            host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            host.copy_(values, non_blocking=True)
            ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
            ready.record(torch.cuda.current_stream(values.device))
            values = host
        self._queue.append(Entry(kind, step, names, values, ready, known))

    def take(self, *, wait: bool = False) -> list[tuple[str, int, dict[str, float]]]:
        """What is ready, in order, as (kind, step, values); with `wait` everything."""
        taken: list[tuple[str, int, dict[str, float]]] = []
        while self._queue:
            entry = self._queue[0]
            if not wait and not _is_ready(entry):
                break
            if entry.ready is not None:
                entry.ready.synchronize()
            self._queue.popleft()
            values = dict(zip(entry.names, entry.values.tolist(), strict=True))
            taken.append((entry.kind, entry.step, {**values, **dict(entry.known)}))
        return taken


def _is_ready(entry: Entry) -> bool:
    if entry.ready is not None:
        return bool(entry.ready.query())
    return entry.values.device.type == "cpu"
