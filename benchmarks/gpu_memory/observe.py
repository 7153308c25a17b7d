"""What a training step takes: peaks by phase, seconds, and the attention kernels it ran."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import torch
import transformers
from torch.utils._python_dispatch import TorchDispatchMode

PEAK_STEPS = 3
"""Steps whose memory is recorded: optimizer states are there from the second on."""
SKIPPED_STEPS = 2
"""Of the timed steps: the first ones may still choose kernels."""
TIMED_STEPS = 10
TIMED_SECONDS = 1.0
"""No further timed step once this much has passed, if there are enough."""
LEAST_TIMED = 5
MOST_SECONDS = 2.0
"""No further timed step once this much has passed, however few there are."""
MOST_STEPS = PEAK_STEPS + TIMED_STEPS + 1


class Kernels(TorchDispatchMode):
    """Counts the operations of a forward pass, as PyTorch dispatches them."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401 - PyTorch's interface
        self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))


class Observer:
    """Marks where phases begin, and keeps what the allocator says between the marks.

    The peak of the run is the largest of the phases' peaks, so that resetting the counters between
    phases loses nothing. Everything is None on a machine without a GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self.cuda = device.type == "cuda"
        self.phase: str | None = None
        self.peaks: dict[str, list[int]] = {}
        """Phase to [allocated, reserved], bytes."""
        self.first_step: dict[str, list[int]] = {}
        self.steady: list[int] = []
        """Allocated after each of the first steps, bytes."""
        self.seconds: list[float] = []
        self.optimizer_states = 0
        self.kernels: dict[str, int] = {}
        self.steps = 0
        self._mode: Kernels | None = None
        self._began = 0.0
        self._timing_since = 0.0

    def mark(self, phase: str | None) -> None:
        """The phase before ends here and `phase` begins."""
        if self.cuda and self.phase is not None:
            peak = [torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()]
            self.peaks[self.phase] = [
                max(pair) for pair in zip(peak, self.peaks.get(self.phase, peak), strict=True)
            ]
        if self.cuda:
            torch.cuda.reset_peak_memory_stats()
        self.phase = phase

    @property
    def recording(self) -> bool:
        """Whether this step is one of those whose memory is recorded."""
        return self.steps < PEAK_STEPS

    @property
    def looking(self) -> bool:
        """Whether this step is the last one, whose operations are counted."""
        return self._timing_since > 0 and self._enough()

    def watch(self, model: torch.nn.Module) -> None:
        """Mark the forward passes of the outermost module."""
        model.register_forward_pre_hook(self._before_forward)
        model.register_forward_hook(self._after_forward)

    def _before_forward(self, *_: object) -> None:
        if self.recording:
            self.mark("forward" if self.phase not in {"evaluation", "generation"} else self.phase)
        elif self.looking and self._mode is None and self.phase is None:
            self._mode = Kernels()
            self._mode.__enter__()

    def _after_forward(self, *_: object) -> None:
        if self.recording and self.phase == "forward":
            self.mark("backward")
        elif self._mode is not None and not self.kernels:
            self._mode.__exit__(None, None, None)
            self.kernels = dict(self._mode.counts)

    def step_begins(self) -> None:
        """Before the first micro-batch of an optimizer step."""
        self._synchronize()
        self._began = time.perf_counter()

    def step_ends(self, optimizer: Any) -> bool:  # noqa: ANN401 - optimizers of several libraries
        """After gradients were let go. Whether everything has been seen."""
        self._synchronize()
        now = time.perf_counter()
        if self.recording:
            self.mark(None)
            if self.cuda:
                self.steady.append(torch.cuda.memory_allocated())
            if self.steps == 0:
                self.first_step = {phase: list(peak) for phase, peak in self.peaks.items()}
            self.optimizer_states = len(getattr(optimizer, "state", ()))
        elif self._mode is None:
            self.seconds.append(now - self._began)
        self.steps += 1
        if self.steps == PEAK_STEPS:
            self._timing_since = now
        return self._mode is not None

    def _enough(self) -> bool:
        passed = time.perf_counter() - self._timing_since
        count = len(self.seconds)
        return (
            count >= TIMED_STEPS
            or (count >= LEAST_TIMED and passed > TIMED_SECONDS)
            or (count > 0 and passed > MOST_SECONDS)
        )

    def _synchronize(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()

    def memory(self) -> dict[str, Any] | None:
        """Bytes by phase and of the steps together; the context is what lies outside PyTorch."""
        if not self.cuda:
            return None
        training = [self.peaks[p] for p in ("forward", "backward", "optimizer") if p in self.peaks]
        free, total = torch.cuda.mem_get_info()
        return {
            "peak_allocated": max((p[0] for p in training), default=0),
            "peak_reserved": max((p[1] for p in training), default=0),
            "by_phase": self.peaks,
            "first_step": self.first_step,
            "steady": self.steady,
            "context": total - free - torch.cuda.memory_reserved(),
            "total": total,
        }

    def time(self) -> dict[str, Any]:
        """Seconds of an optimizer step: the median of those after the first two."""
        kept = sorted(self.seconds[SKIPPED_STEPS:] or self.seconds)
        return {"step": kept[len(kept) // 2] if kept else None, "steps": self.seconds}


class Watcher(transformers.TrainerCallback):  # type: ignore[misc] # transformers has no types
    """Tells the observer where the Trainer is."""

    def __init__(self, observer: Observer, *, most_steps: int | None = None) -> None:
        self.observer = observer
        self.most_steps = most_steps

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002, D102 - the Trainer's interface
        self.observer.step_begins()
        return control

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002, D102 - the same
        if self.observer.recording:
            self.observer.mark("optimizer")
        return control

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:  # noqa: ANN401, ARG002, D102 - the same
        optimizer = getattr(more.get("optimizer"), "optimizer", more.get("optimizer"))
        if self.observer.step_ends(optimizer) or self.observer.steps == self.most_steps:
            control.should_training_stop = True
        return control
