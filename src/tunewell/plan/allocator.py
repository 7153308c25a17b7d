"""PyTorch's CUDA caching allocator, replayed: what it takes from the driver for given requests.

The model is of `c10::cuda::CUDACachingAllocator` from PyTorch 2.6 to 2.13, to the byte: `pools` has
the rules and where they were read. Left out: more than one stream and `record_stream` (a block of
another stream is never reused, and one that another stream still reads becomes free late), memory
pools of CUDA graphs, `garbage_collection_threshold`, and `set_per_process_memory_fraction`, whose
limit is checked a little differently with expandable segments. Segments are taken to lie at rising
addresses in the order they were asked for, which decides between free blocks of one size: the
driver may place them differently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeAlias

from tunewell.plan.pools import (
    LARGE_SEGMENT,
    LEAST_BLOCK,
    SEGMENT_STEP,
    SMALL_REQUEST,
    SMALL_SEGMENT,
    Driver,
    ExpandablePool,
    SegmentPool,
)

Events: TypeAlias = Sequence[tuple[int, int]]

EMPTY_CACHE = (-1, 0)
"""The event of `torch.cuda.empty_cache`."""


@dataclass(frozen=True, slots=True)
class Replay:
    """Bytes at the peaks, and by mark.

    `allocated` counts rounded blocks, as `torch.cuda.max_memory_allocated`, `reserved` segments, as
    `torch.cuda.max_memory_reserved`. `at_marks` has both peaks of each stretch of events that a
    mark begins.
    """

    allocated: int
    reserved: int
    at_marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Options:
    """Two options of `PYTORCH_CUDA_ALLOC_CONF`, in its words but in bytes.

    `max_split_size` is the size from which blocks are not split (at least 20 MiB; None for no
    limit). `roundup_power2_divisions` rounds requests up to one of so many steps between powers of
    two (a power of two itself; 0 or 1 for no such rounding).
    """

    max_split_size: int | None = None
    roundup_power2_divisions: int = 0

    def __post_init__(self) -> None:
        """Refuse what PyTorch refuses."""
        if self.max_split_size is not None and self.max_split_size < LARGE_SEGMENT:
            message = f"max_split_size is {self.max_split_size} bytes, less than 20 MiB"
            raise ValueError(message)
        if self.roundup_power2_divisions & (self.roundup_power2_divisions - 1):
            message = f"{self.roundup_power2_divisions} divisions are no power of two"
            raise ValueError(message)


DEFAULT = Options()


class OutOfCapacityError(Exception):
    """The requests do not fit, even after cached segments were given back."""


class Allocator:
    """The allocator of one device and one stream.

    Args:
        capacity: most bytes of segments; None without a limit.
        expandable: with `expandable_segments:True`.
        options: not with `expandable`.
        place: address of a new segment of a size; by default above all earlier ones.

    Raises:
        ValueError: if `max_split_size` is set with `expandable`, which is not modelled.
    """

    def __init__(
        self,
        *,
        capacity: int | None = None,
        expandable: bool = False,
        options: Options = DEFAULT,
        place: Callable[[int], int] | None = None,
    ) -> None:
        if expandable and options.max_split_size is not None:
            message = "max_split_size together with expandable segments is not modelled"
            raise ValueError(message)
        self.driver = Driver(capacity)
        self.allocated = self.peak = 0
        self.live: dict[int, tuple[int, int]] = {}
        """Address and size of the block of each request."""
        self._top = 0
        self._divisions = options.roundup_power2_divisions
        self._small: SegmentPool | ExpandablePool
        self._large: SegmentPool | ExpandablePool
        if expandable:
            self._small = ExpandablePool(self.driver, page=SMALL_SEGMENT)
            self._large = ExpandablePool(self.driver, page=LARGE_SEGMENT)
            return
        self._small, self._large = (
            SegmentPool(
                self.driver,
                least_rest=least_rest,
                max_split=options.max_split_size,
                place=place or self._above,
            )
            for least_rest in (LEAST_BLOCK, SMALL_REQUEST + 1)
        )

    def request(self, name: int, size: int) -> None:
        """Hand out a block of at least `size` bytes, at least 1, under a name not in use.

        Raises:
            OutOfCapacityError: if it does not fit, even after cached segments were given back.
            ValueError: if the name is in use.
        """
        if name in self.live:
            message = f"{name} was requested twice and not freed between"
            raise ValueError(message)
        rounded = self._rounded(size)
        pool = self._small if rounded <= SMALL_REQUEST else self._large
        block = pool.find(rounded) or pool.grow(rounded) or self._grow_again(pool, rounded)
        self.live[name] = block
        self.allocated += block[1]
        self.peak = max(self.peak, self.allocated)

    def free(self, name: int) -> None:
        """Take a block back.

        Raises:
            ValueError: if nothing is handed out under the name.
        """
        block = self.live.pop(name, None)
        if block is None:
            message = f"{name} is freed but not in use"
            raise ValueError(message)
        address, size = block
        self.allocated -= size
        # Blocks of the small pool are as large as the rounded request, those of the large no less.
        (self._small if size <= SMALL_REQUEST else self._large).free(address, size)

    def release(self) -> None:
        """Give cached segments back to the driver, as `torch.cuda.empty_cache`."""
        self._large.release()
        self._small.release()

    def restart_peaks(self) -> None:
        """Forget the peaks so far, as `torch.cuda.reset_peak_memory_stats`."""
        self.peak = self.allocated
        self.driver.peak = self.driver.held

    def _rounded(self, size: int) -> int:
        divisions = self._divisions
        if divisions > 1 and size > LEAST_BLOCK * divisions:
            step = 1 << (size.bit_length() - divisions.bit_length())
            return -(-size // step) * step
        return -(-size // LEAST_BLOCK) * LEAST_BLOCK

    def _grow_again(self, pool: SegmentPool | ExpandablePool, size: int) -> tuple[int, int]:
        if pool.release_oversize(size) and (block := pool.grow(size)):
            return block
        self.release()
        block = pool.grow(size)
        if block is None:
            message = (
                f"{size:,} bytes do not fit: {self.allocated:,} bytes are allocated in "
                f"{self.driver.held:,} reserved, of {self.driver.capacity:,}"
            )
            raise OutOfCapacityError(message)
        return block

    def _above(self, size: int) -> int:
        address = self._top
        self._top += size
        return address


def replay(
    events: Events,
    *,
    marks: Sequence[int] = (),
    capacity: int | None = None,
    expandable: bool = False,
    options: Options = DEFAULT,
) -> Replay:
    """Replay requests through a model of the allocator.

    Args:
        events: (id, bytes) for a request, (id, -bytes) when that one is freed, and `EMPTY_CACHE`.
            Storages of 0 bytes take no block, as in PyTorch.
        marks: places in `events`, ascending, where a phase begins.
        capacity: most bytes of segments; None without a limit.
        expandable: with `expandable_segments:True`.
        options: other options of the allocator; `max_split_size` not with `expandable`.

    Raises:
        OutOfCapacityError: if the requests do not fit in the capacity.
        ValueError: if an id is freed that is not in use, or requested again while it is.
    """
    allocator = Allocator(capacity=capacity, expandable=expandable, options=options)
    peaks = []
    for begin, end in pairwise((0, *marks, len(events))):
        allocator.restart_peaks()
        for name, size in islice(events, begin, end):
            if size > 0:
                allocator.request(name, size)
            elif size:
                allocator.free(name)
            elif name == EMPTY_CACHE[0]:
                allocator.release()
        peaks.append((allocator.peak, allocator.driver.peak))
    return Replay(
        allocated=max(allocated for allocated, _ in peaks),
        reserved=max(reserved for _, reserved in peaks),
        at_marks=tuple(peaks[1:]),
    )


def smallest_capacity(
    events: Events, *, expandable: bool = False, options: Options = DEFAULT
) -> int:
    """A capacity, in steps of 2 MiB, with which the requests fit, and with 2 MiB less do not.

    It is found by bisection between the requests' own peak and the peak reserved without a limit.
    Fitting is not monotone in the capacity: with more of it, cached segments are given back later,
    and a block cut from one of them can hold it for good. So in rare cases a smaller capacity fits
    too, or a larger one below the peak reserved does not; whether one capacity suffices is what
    `replay` with that capacity says.
    """
    most = replay(events, expandable=expandable, options=options).reserved
    fails, fits = _steps(_needed(events)) - 1, _steps(most)
    while fits - fails > 1:
        middle = (fails + fits) // 2
        try:
            replay(events, capacity=middle * SEGMENT_STEP, expandable=expandable, options=options)
        except OutOfCapacityError:
            fails = middle
        else:
            fits = middle
    return fits * SEGMENT_STEP


def _needed(events: Events) -> int:
    """Peak of the requests, rounded: less cannot hold them however they lie."""
    sizes: dict[int, int] = {}
    held = peak = 0
    for name, size in events:
        if size > 0:
            sizes[name] = -(-size // LEAST_BLOCK) * LEAST_BLOCK
            held += sizes[name]
            peak = max(peak, held)
        elif size:
            held -= sizes[name]
    return peak


def _steps(size: int) -> int:
    return -(-size // SEGMENT_STEP)
