"""Free blocks of PyTorch's CUDA caching allocator: found, cut, merged and given back.

The rules are those of `c10/cuda/CUDACachingAllocator.cpp`: `get_allocation_size`, `get_free_block`,
`should_split`, `try_merge_blocks`, `release_blocks`, `release_available_cached_blocks`,
`find_expandable_block`, `map_block` and `unmap_block`, which are the same in pytorch/pytorch at
commit 001074d (before 2.8) and in a copy of late 2025 (ataerabbi-meta/pytorch at ac90d12); the
sizes are also those of `c10/core/AllocatorConfig.h` of 2.13.0. The source file of 2.13.0 itself was
not at hand. All sizes and addresses are in bytes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass

MIB = 1 << 20
LEAST_BLOCK = 512
"""Sizes are rounded up to a multiple of it (kMinBlockSize)."""
SMALL_REQUEST = MIB
"""The largest request of the small pool (kSmallSize), and the largest rest that a large block
keeps."""
SMALL_SEGMENT = 2 * MIB
"""Segments of the small pool, and pages of its expandable segment (kSmallBuffer)."""
LARGE_SEGMENT = 20 * MIB
"""Segments of requests below 10 MiB, and pages of the large pool's expandable segment
(kLargeBuffer, large_segment_size)."""
OWN_SEGMENT = 10 * MIB
"""From here on a request gets a segment of its own size (kMinLargeAlloc) ..."""
SEGMENT_STEP = 2 * MIB
"""... rounded up to a multiple of this (kRoundLarge)."""

_ADDRESS_BITS = 80
_ADDRESS_MASK = (1 << _ADDRESS_BITS) - 1
_ADDRESS_SPACE = 1 << 46
"""Of an expandable segment. PyTorch reserves addresses for 9/8 of the card's memory and takes a
second segment should they run out, which is not followed here."""


@dataclass(slots=True)
class Driver:
    """What the driver has handed out, of at most `capacity` (None: without a limit)."""

    capacity: int | None = None
    held: int = 0
    peak: int = 0

    def take(self, size: int) -> bool:
        """Hand out `size` more bytes, if there are as many."""
        held = self.held + size
        if self.capacity is not None and held > self.capacity:
            return False
        self.held = held
        self.peak = max(self.peak, held)
        return True


class Pool:
    """Free blocks of one size class, and what is free beside them.

    `keys` holds size and address of each free block in one number, ascending: the first at or
    above a size is the best fit, and of equal sizes the lowest address. `starts` gives the size of
    the free block that starts at an address, `ends` the start of the one that ends there, and
    `bounds` the size of the segment that starts there: blocks do not merge across.
    """

    __slots__ = ("bounds", "driver", "ends", "keys", "starts")

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.keys: list[int] = []
        self.starts: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.bounds: dict[int, int] = {}

    def put(self, address: int, size: int) -> None:
        """Keep a free block as it is."""
        insort(self.keys, size << _ADDRESS_BITS | address)
        self.starts[address] = size
        self.ends[address + size] = address

    def take(self, address: int) -> int:
        """Take the free block at an address out; its size."""
        size = self.starts.pop(address)
        del self.ends[address + size]
        del self.keys[bisect_left(self.keys, size << _ADDRESS_BITS | address)]
        return size

    def free(self, address: int, size: int) -> int:
        """Keep a block that is free now, merged with its free neighbours; where it starts."""
        end = address + size
        if end not in self.bounds and end in self.starts:
            size += self.take(end)
        if address not in self.bounds:
            before = self.ends.get(address)
            if before is not None:
                size += self.take(before)
                address = before
        self.put(address, size)
        return address


class SegmentPool(Pool):
    """One pool of segments of their own, as without `expandable_segments`.

    Args:
        driver: gives segments.
        least_rest: smallest rest of a block that is cut off for others.
        max_split: size from which blocks are not cut, and are kept for requests as large.
        place: address of a new segment of a size.
    """

    __slots__ = ("least_rest", "max_split", "place")

    def __init__(
        self,
        driver: Driver,
        *,
        least_rest: int,
        max_split: int | None,
        place: Callable[[int], int],
    ) -> None:
        super().__init__(driver)
        self.least_rest = least_rest
        self.max_split = max_split
        self.place = place

    def find(self, size: int) -> tuple[int, int] | None:
        """Take the smallest free block of at least `size`; its address and the size handed out."""
        keys = self.keys
        at = bisect_left(keys, size << _ADDRESS_BITS)
        if at == len(keys):
            return None
        found = keys[at] >> _ADDRESS_BITS
        if self.max_split is not None and self._oversize(size, found):
            return None
        address = keys.pop(at) & _ADDRESS_MASK
        del self.starts[address], self.ends[address + found]
        return address, self._cut(address, found, size)

    def grow(self, size: int) -> tuple[int, int] | None:
        """Hand out from a new segment; None if the driver has none."""
        if size <= SMALL_REQUEST:
            segment = SMALL_SEGMENT
        elif size < OWN_SEGMENT:
            segment = LARGE_SEGMENT
        else:
            segment = -(-size // SEGMENT_STEP) * SEGMENT_STEP
        if not self.driver.take(segment):
            return None
        address = self.place(segment)
        self.bounds[address] = segment
        return address, self._cut(address, segment, size)

    def release(self) -> None:
        """Give back every segment that is one whole free block."""
        for key in list(self.keys):
            address = key & _ADDRESS_MASK
            if self.bounds.get(address) == key >> _ADDRESS_BITS:
                self._give_back(address)

    def release_oversize(self, size: int) -> bool:
        """Give back uncut blocks, enough for a request of `size`; false if they do not suffice.

        One as large as needed, or else the largest ones: those go even if they do not suffice.
        """
        if self.max_split is None:
            return False
        size = max(size, self.max_split)
        at = bisect_left(self.keys, size << _ADDRESS_BITS)
        if at < len(self.keys):
            self._give_back(self.keys[at] & _ADDRESS_MASK)
            return True
        released = 0
        while released < size and self.keys and self.keys[-1] >> _ADDRESS_BITS >= self.max_split:
            released += self._give_back(self.keys[-1] & _ADDRESS_MASK)
        return released >= size

    def _give_back(self, address: int) -> int:
        size = self.take(address)
        del self.bounds[address]
        self.driver.held -= size
        return size

    def _oversize(self, size: int, found: int) -> bool:
        if self.max_split is None:
            return False
        if size < self.max_split:
            return found >= self.max_split
        return found >= size + LARGE_SEGMENT

    def _cut(self, address: int, found: int, size: int) -> int:
        rest = found - size
        if rest < self.least_rest or (self.max_split is not None and size >= self.max_split):
            return found
        self.put(address + size, rest)
        return size


class ExpandablePool(Pool):
    """One pool in a single segment that grows by pages, as with `expandable_segments:True`.

    `holes` holds the addresses without memory, ascending, `spans` their sizes. The last is the
    space not used yet. Holes start and end at a page.
    """

    __slots__ = ("holes", "page", "spans")

    def __init__(self, driver: Driver, *, page: int) -> None:
        super().__init__(driver)
        self.page = page
        self.holes = [0]
        self.spans = {0: _ADDRESS_SPACE}

    def find(self, size: int) -> tuple[int, int] | None:
        """Take the first free block of at least `size` before one with less room to grow."""
        keys = self.keys
        at = bisect_left(keys, size << _ADDRESS_BITS)
        if at == len(keys):
            return None
        while at + 1 < len(keys) and self._room(keys[at + 1]) < self._room(keys[at]):
            at += 1
        return self._hand_out(keys[at] & _ADDRESS_MASK, size)

    def grow(self, size: int) -> tuple[int, int] | None:
        """Map pages at the lowest address with room; None if the driver has too few.

        Pages mapped before the driver failed stay mapped.
        """
        address = next(
            start
            for start in (self.ends.get(hole, hole) for hole in self.holes)
            if self._has_room(start, size)
        )
        if address in self.spans and not self._map(address, min(self.spans[address], size)):
            return None
        while (mapped := self.starts[address]) < size:
            hole = address + mapped
            if not self._map(hole, min(self.spans[hole], size - mapped)):
                return None
        return self._hand_out(address, size)

    def release(self) -> None:
        """Give back every page that is free as a whole."""
        for key in list(self.keys):
            address, size = key & _ADDRESS_MASK, key >> _ADDRESS_BITS
            begin = -(-address // self.page) * self.page
            end = (address + size) // self.page * self.page
            if begin >= end:
                continue
            self.take(address)
            if address < begin:
                self.put(address, begin - address)
            if end < address + size:
                self.put(end, address + size - end)
            self._unmap(begin, end)

    def release_oversize(self, size: int) -> bool:  # noqa: ARG002  the other pool's signature
        """Nothing: no block is kept whole here."""
        return False

    def _room(self, key: int) -> int:
        size = key >> _ADDRESS_BITS
        return size + self.spans.get((key & _ADDRESS_MASK) + size, 0)

    def _has_room(self, address: int, size: int) -> bool:
        while size > 0:
            step = self.starts.get(address) or self.spans.get(address)
            if step is None:
                return False
            address += step
            size -= step
        return True

    def _map(self, hole: int, size: int) -> bool:
        mapped = -(-size // self.page) * self.page
        if not self.driver.take(mapped):
            return False
        at = bisect_left(self.holes, hole)
        rest = self.spans.pop(hole) - mapped
        if rest:
            self.holes[at] = hole + mapped
            self.spans[hole + mapped] = rest
        else:
            del self.holes[at]
        self.free(hole, mapped)
        return True

    def _unmap(self, begin: int, end: int) -> None:
        self.driver.held -= end - begin
        at = bisect_left(self.holes, begin)
        if at < len(self.holes) and self.holes[at] == end:
            end += self.spans.pop(self.holes.pop(at))
        if at and self.holes[at - 1] + self.spans[self.holes[at - 1]] == begin:
            self.spans[self.holes[at - 1]] += end - begin
        else:
            self.holes.insert(at, begin)
            self.spans[begin] = end - begin

    def _hand_out(self, address: int, size: int) -> tuple[int, int]:
        rest = self.take(address) - size
        if rest < LEAST_BLOCK:
            return address, size + rest
        self.put(address + size, rest)
        return address, size
