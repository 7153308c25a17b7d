"""Every storage of a run on the meta device: when it is born, when it dies, and what for."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tunewell.plan.allocator import EMPTY_CACHE
from tunewell.simulate import shapes
from tunewell.simulate.hidden import hidden_bytes
from tunewell.simulate.reductions import Processors
from tunewell.simulate.work import Ledger

META = "meta"
NONZERO = "aten::nonzero"
"""How many values it picks depends on the data; all are taken to be picked."""


class Birth:
    """One request of memory: what made it, where, and how large it is."""

    __slots__ = ("dtype", "kind", "module", "operation", "phase", "recomputed", "shape", "size")

    def __init__(  # noqa: PLR0913  what is known of a request
        self,
        operation: str,
        phase: str,
        module: str,
        size: int,
        *,
        kind: str | None = None,
        shape: tuple[int, ...] = (),
        dtype: torch.dtype | None = None,
        recomputed: bool = False,
    ) -> None:
        self.recomputed = recomputed
        self.operation = operation
        self.phase = phase
        self.module = module
        self.size = size
        self.kind = kind
        self.shape = shape
        self.dtype = dtype


class Storages(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Records requests and releases of memory while it is entered.

    `events` holds (id, bytes) for a request and (id, -bytes) for its release; `births[id]` says
    what it was. `marks` are the places in `events` where a phase begins. A storage is known by its
    object and dies with it: Python and autograd keep it alive as they would on a GPU.
    """

    def __init__(self, processors: Processors) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.events: list[tuple[int, int]] = []
        self.births: list[Birth] = []
        self.marks: list[tuple[str, int]] = []
        self.ledger = Ledger()
        self.phase = "load"
        self.module = ""
        self.live = 0
        self.guessed: set[str] = set()
        self._processors = processors
        self._recomputing = False
        self._alive: dict[int, tuple[int, int]] = {}
        self._elsewhere: set[int] = set()
        self._watched: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self._after_product: list[Callable[[], None]] = []
        self._after: dict[str, Callable[[], None]] = {}

    def mark(self, phase: str) -> None:
        """Begin a phase."""
        self.phase = phase
        self.marks.append((phase, len(self.events)))

    def close(self) -> None:
        """Count nothing more: what dies now dies after the run."""
        self._alive.clear()
        self._watched.clear()

    def once_after_product(self, action: Callable[[], None]) -> None:
        """Call `action` after the next product of matrices."""
        self._after_product.append(action)

    def once_after(self, operation: str, action: Callable[[], None]) -> None:
        """Call `action` after the next operation of that name."""
        self._after[operation] = action

    def add(self, tensor: object, operation: str, *, kind: str | None = None) -> None:
        """Count a tensor's storage, unless it is counted already."""
        if not isinstance(tensor, torch.Tensor) or tensor.device.type != META:
            return
        storage = tensor.untyped_storage()
        key = storage._cdata  # noqa: SLF001  the storage's identity has no public name
        if key in self._alive or key in self._elsewhere:
            return
        size = storage.nbytes()
        if size == 0:
            return
        number = self._born(
            Birth(
                operation,
                self.phase,
                self.module,
                size,
                kind=kind,
                shape=tuple(tensor.shape),
                dtype=tensor.dtype,
                recomputed=self._recomputing,
            )
        )
        self._alive[key] = (number, size)
        self._watched[key] = weakref.ref(storage, functools.partial(self._died, key))

    def leave_out(self, tensor: torch.Tensor) -> None:
        """Never count this tensor's storage, which must outlive the run: `hold` stands for it."""
        self._elsewhere.add(tensor.untyped_storage()._cdata)  # noqa: SLF001  as above

    def hold(self, size: int, operation: str, *, kind: str = "other") -> int:
        """Take memory that no tensor stands for, until `release`; the answer is its number."""
        return self._born(Birth(operation, self.phase, self.module, size, kind=kind))

    def release(self, number: int) -> None:
        """Give back what `hold` took."""
        size = self.births[number].size
        self.live -= size
        self.events.append((number, -size))

    def empty_cache(self) -> None:
        """`torch.cuda.empty_cache()`: the allocator gives whole free segments back."""
        self.events.append(EMPTY_CACHE)

    def pass_through(self, size: int, operation: str) -> None:
        """Take memory and give it back at once: what a kernel needs while it runs."""
        if size > 0:
            self.release(self.hold(size, operation))

    def number_of(self, tensor: torch.Tensor) -> int | None:
        """The number of a live tensor's storage."""
        known = self._alive.get(tensor.untyped_storage()._cdata)  # noqa: SLF001  as above
        return known[0] if known is not None else None

    def say(self, tensor: torch.Tensor | None, kind: str) -> None:
        """Say what a live tensor is held for."""
        if isinstance(tensor, torch.Tensor) and (number := self.number_of(tensor)) is not None:
            self.births[number].kind = kind

    @contextmanager
    def inside(self, module: str) -> Iterator[None]:
        """Attribute what is born to a module."""
        before, self.module = self.module, module
        try:
            yield
        finally:
            self.module = before

    @contextmanager
    def recomputing(self) -> Iterator[None]:
        """What is born is made a second time, for the backward pass."""
        before, self._recomputing = self._recomputing, True
        try:
            yield
        finally:
            self._recomputing = before

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401  torch's operator
        types: Any,  # noqa: ANN401  torch's interface
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401  whatever the operator answers
        """Run one operation, and count what it made."""
        named = kwargs or {}
        name = func._schema.name  # noqa: SLF001  torch's only name for it
        if name == NONZERO:
            self.guessed.add(self.module)
        hidden = hidden_bytes(name, args, self._processors)
        inside = self.hold(hidden, f"inside {name}") if hidden else None
        out = shapes.run(func, args, named)
        if isinstance(out, torch.Tensor):
            self.add(out, name)
        elif isinstance(out, (tuple, list)):
            for leaf in tree_leaves(out):
                self.add(leaf, name)
        if inside is not None:
            self.release(inside)
        if name in self._after:
            self._after.pop(name)()
        phase = self.phase
        if self._recomputing:
            phase = phase.replace("backward", "recompute")
        if self.ledger.count(func, name, args, named, out, phase) and self._after_product:
            actions, self._after_product = self._after_product, []
            for action in actions:
                action()
        return out

    def _born(self, birth: Birth) -> int:
        number = len(self.births)
        self.births.append(birth)
        self.events.append((number, birth.size))
        self.live += birth.size
        return number

    def _died(self, key: int, _: object) -> None:
        number, size = self._alive.pop(key, (None, 0))
        self._watched.pop(key, None)
        if number is not None:
            self.live -= size
            self.events.append((number, -size))
