"""What PyTorch's caching allocator did on a GPU, and what the model of it does with the same.

`record` takes the history of anything that runs on a GPU, such as a training step; `compare` holds
the model against it, block by block at the same addresses and segment by segment.
"""

from __future__ import annotations

import contextlib
import gc
import gzip
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tunewell.plan.allocator import Allocator, Options, OutOfCapacityError
from tunewell.plan.pools import MIB


@dataclass(frozen=True)
class Setting:
    """How the allocator was set: bytes, named as in PYTORCH_ALLOC_CONF.

    `limit` is the most bytes of segments, by `torch.cuda.set_per_process_memory_fraction`.
    """

    expandable: bool = False
    max_split_size: int | None = None
    roundup_power2_divisions: int = 0
    limit: int | None = None

    def text(self) -> str:
        """The value of PYTORCH_ALLOC_CONF. An earlier max_split_size stays where none is given."""
        parts = [
            f"expandable_segments:{self.expandable}",
            f"roundup_power2_divisions:{max(1, self.roundup_power2_divisions)}",
        ]
        if self.max_split_size:
            parts.append(f"max_split_size_mb:{self.max_split_size // MIB}")
        return ",".join(parts)


@dataclass(frozen=True)
class History:
    """Requests to the allocator of one GPU, and what it did.

    `events` are (id, bytes asked for) and (id, -bytes) once freed, ids from 0 in the order of the
    requests; `addresses` of the blocks by id. `segments` are (number of events before, bytes taken
    from the driver or, negative, given back, address). `failures` are (number of events before,
    bytes) of requests that ran out of memory. `allocated` is the peak that PyTorch reports,
    `reserved` that of the segments. `late` counts blocks that became free some time after they were
    freed, and `streams` those that asked: beyond 0 and 1 the model cannot follow.
    """

    events: list[tuple[int, int]]
    addresses: list[int]
    segments: list[tuple[int, int, int]]
    failures: list[tuple[int, int]]
    allocated: int
    reserved: int
    streams: int = 1
    late: int = 0
    setting: Setting = field(default_factory=Setting)
    source: str = ""

    def write(self, path: Path) -> None:
        """Write as compressed JSON. An event is the bytes of a request, or -1 - id when freed."""
        raw = asdict(self)
        raw["events"] = [size if size > 0 else -1 - name for name, size in self.events]
        raw["addresses"] = list(_differences(self.addresses))
        text = json.dumps(raw, separators=(",", ":"))
        # No time and no name inside, so that equal histories are equal files.
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    @classmethod
    def load(cls, path: Path) -> History:
        """Read what `write` wrote."""
        raw = json.loads(gzip.decompress(path.read_bytes()))
        sizes: list[int] = []
        events = []
        for number in raw["events"]:
            if number > 0:
                events.append((len(sizes), number))
                sizes.append(number)
            else:
                events.append((-1 - number, -sizes[-1 - number]))
        raw["events"] = events
        raw["addresses"] = list(itertools.accumulate(raw["addresses"]))
        raw["segments"] = [tuple(part) for part in raw["segments"]]
        raw["failures"] = [tuple(part) for part in raw["failures"]]
        raw["setting"] = Setting(**raw["setting"])
        return cls(**raw)


@dataclass(frozen=True)
class Comparison:
    """The model beside the real allocator; bytes.

    `followed` counts the events up to the first after which the model holds another amount of
    memory or put a block elsewhere, when its segments lie where the real ones did; `events` if none
    did. `allocated` and `reserved` are the model's peaks with segments at rising addresses, as
    `tunewell.plan.allocator.replay` has them.
    """

    events: int
    followed: int
    difference: str
    allocated: int
    reserved: int
    real_allocated: int
    real_reserved: int

    @property
    def exact(self) -> bool:
        """Whether every block and segment agrees."""
        return self.followed == self.events and not self.difference


class _DifferentError(Exception):
    """The model did something else than the real allocator."""


def read(
    trace: Iterable[Mapping[str, Any]],
    *,
    allocated: int,
    setting: Setting | None = None,
    source: str = "",
) -> History:
    """A history from one device's trace in `torch.cuda.memory._snapshot()["device_traces"]`.

    Blocks that were handed out before the trace began are left out. A block is taken to be free
    when its free is completed.
    """
    events: list[tuple[int, int]] = []
    addresses: list[int] = []
    segments: list[tuple[int, int, int]] = []
    failures: list[tuple[int, int]] = []
    names: dict[int, int] = {}
    streams = set()
    asked, late = None, 0
    for entry in trace:
        action, size = entry["action"], entry["size"]
        if action == "alloc":
            names[entry["addr"]] = len(addresses)
            events.append((len(addresses), size))
            addresses.append(entry["addr"])
            streams.add(entry["stream"])
        elif action == "free_completed" and entry["addr"] in names:
            late += asked != entry["addr"]
            events.append((names.pop(entry["addr"]), -size))
        elif action in {"segment_alloc", "segment_map"}:
            segments.append((len(events), size, entry["addr"]))
        elif action in {"segment_free", "segment_unmap"}:
            segments.append((len(events), -size, entry["addr"]))
        elif action == "oom":
            failures.append((len(events), size))
        asked = entry["addr"] if action == "free_requested" else None
    return History(
        events,
        addresses,
        segments,
        failures,
        allocated,
        max(itertools.accumulate((size for _, size, _ in segments), initial=0)),
        len(streams),
        late,
        setting or Setting(),
        source,
    )


def record(
    run: Callable[[], object], path: Path | None = None, *, setting: Setting | None = None
) -> History:
    """The history of what `run` asks of the current GPU, written to `path` if there is one.

    The GPU must hold nothing of PyTorch before. Everything that takes memory belongs in `run`, the
    model's weights too, and what cuBLAS takes for its first product of matrices. A run that runs
    out of memory is recorded up to there. `setting` is what the allocator is set to meanwhile;
    without one it stays as it is, which must then be PyTorch's default.

    Raises:
        RuntimeError: if PyTorch holds memory of the GPU already.
    """
    import torch  # noqa: PLC0415  histories are read without it

    device = torch.cuda.current_device()
    gc.collect()
    torch.cuda.empty_cache()
    if torch.cuda.memory_reserved():
        message = f"{torch.cuda.memory_reserved():,} bytes are held before the recording begins"
        raise RuntimeError(message)
    if setting is not None:
        torch.cuda.memory._set_allocator_settings(setting.text())  # noqa: SLF001  of a process that runs already
    if setting is not None and setting.limit is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        # Segments are multiples of 2 MiB: one more MiB changes nothing but a rounding error.
        torch.cuda.set_per_process_memory_fraction((setting.limit + MIB) / total)
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.memory._record_memory_history(context=None)  # noqa: SLF001  documented under this name
    try:
        with _peak(torch.cuda) as peak, contextlib.suppress(torch.OutOfMemoryError):
            run()
        torch.cuda.synchronize()
        trace = torch.cuda.memory._snapshot()["device_traces"][device]  # noqa: SLF001  the same
    finally:
        torch.cuda.memory._record_memory_history(enabled=None)  # noqa: SLF001  the same
        if setting is not None and setting.limit is not None:
            torch.cuda.set_per_process_memory_fraction(1.0)
    history = read(
        trace,
        allocated=max(peak),
        setting=setting,
        source=f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}",
    )
    if path is not None:
        history.write(path)
    return history


@contextlib.contextmanager
def _peak(cuda: Any) -> Iterator[list[int]]:  # noqa: ANN401  the module torch.cuda
    """Peaks of allocated bytes, one for each time that PyTorch's own was reset, and the last."""
    peaks: list[int] = []
    reset = cuda.reset_peak_memory_stats

    def keep(*arguments: object) -> None:
        peaks.append(cuda.max_memory_allocated())
        reset(*arguments)

    cuda.reset_peak_memory_stats = keep
    try:
        yield peaks
    finally:
        peaks.append(cuda.max_memory_allocated())
        cuda.reset_peak_memory_stats = reset


def compare(history: History) -> Comparison:
    """Replay a history and hold the model against what the real allocator did.

    Without a limit, cached segments are given back where the real allocator gave some back: someone
    emptied the cache. With one, the model must find by itself when to, and which requests fail.
    """
    followed, difference = len(history.events), ""
    strict = _Real(history)
    try:
        strict.run()
    except _DifferentError as error:
        followed, difference = strict.done, str(error)
    plain = _Plain(history)
    with contextlib.suppress(OutOfCapacityError):
        plain.run()
    return Comparison(
        events=len(history.events),
        followed=followed,
        difference=difference,
        allocated=plain.peak_allocated,
        reserved=plain.peak_reserved,
        real_allocated=history.allocated,
        real_reserved=history.reserved,
    )


class _Plain:
    """A replay of a history with segments at rising addresses."""

    place: Callable[[int], int] | None = None

    def __init__(self, history: History) -> None:
        setting = history.setting
        self.history = history
        self.done = 0
        self.model = Allocator(
            capacity=setting.limit,
            expandable=setting.expandable,
            options=Options(setting.max_split_size, setting.roundup_power2_divisions),
            place=self.place,
        )

    @property
    def peak_allocated(self) -> int:
        """Most bytes in blocks."""
        return self.model.peak

    @property
    def peak_reserved(self) -> int:
        """Most bytes in segments."""
        return self.model.driver.peak

    def run(self) -> None:
        """Replay all events."""
        failures = dict(self.history.failures)
        given_back = {at for at, size, _ in self.history.segments if size < 0}
        for at in range(len(self.history.events) + 1):
            if at in given_back and self.history.setting.limit is None:
                self.model.release()
            if at in failures and self.history.setting.limit is not None:
                self.fail(failures[at])
            if at == len(self.history.events):
                return
            name, size = self.history.events[at]
            if size > 0:
                self.model.request(name, size)
            else:
                self.model.free(name)
            self.check(at)
            self.done = at + 1

    def fail(self, size: int) -> None:
        """A request that ran out of memory."""
        with contextlib.suppress(OutOfCapacityError):
            self.model.request(-1, size)
            self.model.free(-1)

    def check(self, at: int) -> None:
        """Nothing to hold against."""


class _Real(_Plain):
    """A replay with segments where the real ones lay, held against the history at every event."""

    def __init__(self, history: History) -> None:
        taken = [(size, address) for _, size, address in history.segments if size > 0]
        self.taken = iter(taken)
        self.held = list(_held(history))
        super().__init__(history)

    def place(self, size: int) -> int:
        """Address of the next real segment, if that is as large."""
        real, address = next(self.taken, (0, 0))
        if real != size:
            message = f"a segment of {size:,} bytes, really {real:,}"
            raise _DifferentError(message)
        return address

    def run(self) -> None:
        """Replay all events; running out of memory where the real one did not is a difference."""
        try:
            super().run()
        except OutOfCapacityError as error:
            raise _DifferentError(str(error)) from error
        if not self.history.setting.expandable and next(self.taken, None):
            message = "the real allocator took more segments"
            raise _DifferentError(message)

    def fail(self, size: int) -> None:
        """The model must fail, too."""
        try:
            self.model.request(-1, size)
        except OutOfCapacityError:
            return
        message = f"a request of {size:,} bytes fits, but really failed"
        raise _DifferentError(message)

    def check(self, at: int) -> None:
        """Bytes held after an event, and where its block lies."""
        if self.model.driver.held != self.held[at]:
            message = f"{self.model.driver.held:,} bytes held, really {self.held[at]:,}"
            raise _DifferentError(message)
        name, size = self.history.events[at]
        if size > 0 and not self.history.setting.expandable:
            address = self.model.live[name][0]
            if address != self.history.addresses[name]:
                message = f"block {name} at {address:#x}, really {self.history.addresses[name]:#x}"
                raise _DifferentError(message)


def _held(history: History) -> Iterator[int]:
    """Bytes of segments after each event: taken before it was answered."""
    segments = iter([*history.segments, (len(history.events) + 1, 0, 0)])
    before, size, _ = next(segments)
    held = 0
    for at in range(len(history.events)):
        while before <= at:
            held += size
            before, size, _ = next(segments)
        yield held


def _differences(numbers: list[int]) -> Iterator[int]:
    for before, number in itertools.pairwise([0, *numbers]):
        yield number - before
