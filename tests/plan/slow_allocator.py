"""The allocator's documented rules again, as plainly and slowly as can be, to hold the model to.

Segments are lists of blocks in the order of their addresses; everything is found by looking at all
of them. It writes the trace that `torch.cuda.memory._snapshot()` gives of the same requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MIB = 2**20
SPACE = 20 * MIB * 2**22
"""Of an expandable segment: that of the large pool follows that of the small one."""


class NoMemoryError(Exception):
    """The request does not fit."""


@dataclass
class Block:
    """A stretch of a segment: used, free, or free of memory altogether."""

    address: int
    size: int
    used: bool = False
    mapped: bool = True
    asked: int = 0


@dataclass
class Segment:
    """Blocks side by side."""

    small: bool
    blocks: list[Block]

    def merge(self) -> None:
        """Make one of neighbours that are free in the same way."""
        merged = self.blocks[:1]
        for block in self.blocks[1:]:
            last = merged[-1]
            if not (block.used or last.used) and block.mapped == last.mapped:
                last.size += block.size
            else:
                merged.append(block)
        self.blocks = merged

    def cut(self, block: Block, size: int) -> Block:
        """Cut a block in two; the second."""
        rest = Block(block.address + size, block.size - size, mapped=block.mapped)
        block.size = size
        self.blocks.insert(self.blocks.index(block) + 1, rest)
        return rest


@dataclass
class SlowAllocator:
    """One device, one stream."""

    capacity: int = 2**60
    expandable: bool = False
    max_split: int = 2**60
    divisions: int = 1
    segments: list[Segment] = field(default_factory=list)
    live: dict[int, tuple[Segment, Block]] = field(default_factory=dict)
    trace: list[dict[str, Any]] = field(default_factory=list)
    top: int = 0
    allocated: int = 0
    reserved: int = 0
    peaks: tuple[int, int] = (0, 0)

    def request(self, name: int, asked: int) -> None:
        """Hand out a block."""
        size = self.rounded(asked)
        small = size <= MIB
        found = self.find(size, small) or self.grow(size, small)
        if not found and self.release_oversize(size, small):
            found = self.grow(size, small)
        if not found:
            self.release()
            found = self.grow(size, small)
        if not found:
            self.log("oom", -1, size)
            raise NoMemoryError
        segment, block = found
        rest = block.size - size
        if (rest >= 512) if small or self.expandable else (size < self.max_split and rest > MIB):
            segment.cut(block, size)
        block.used, block.asked = True, asked
        self.log("alloc", block.address, asked)
        self.live[name] = segment, block
        self.allocated += block.size
        self.peaks = max(self.peaks[0], self.allocated), self.peaks[1]

    def free(self, name: int) -> None:
        """Take a block back."""
        segment, block = self.live.pop(name)
        self.log("free_requested", block.address, block.asked)
        self.log("free_completed", block.address, block.asked)
        self.allocated -= block.size
        block.used = False
        segment.merge()

    def rounded(self, asked: int) -> int:
        """The size that is handed out."""
        if self.divisions > 1 and asked > 512 * self.divisions:
            power = 512
            while power * 2 <= asked:
                power *= 2
            return next(
                power + step * power // self.divisions
                for step in range(self.divisions + 1)
                if power + step * power // self.divisions >= asked
            )
        return max(1, (asked + 511) // 512) * 512

    def free_blocks(self, small: bool) -> list[tuple[Segment, Block]]:
        """Free blocks of a pool, smallest first, of equal ones the lowest first."""
        blocks = [
            (segment, block)
            for segment in self.segments
            for block in segment.blocks
            if segment.small == small and block.mapped and not block.used
        ]
        return sorted(blocks, key=lambda found: (found[1].size, found[1].address))

    def find(self, size: int, small: bool) -> tuple[Segment, Block] | None:
        """The best fit."""
        fits = [found for found in self.free_blocks(small) if found[1].size >= size]
        if not fits:
            return None
        if self.expandable:
            at = 0
            while at + 1 < len(fits) and self.room(*fits[at + 1]) < self.room(*fits[at]):
                at += 1
            return fits[at]
        best = fits[0][1].size
        if size < self.max_split <= best or (size >= self.max_split and best >= size + 20 * MIB):
            return None
        return fits[0]

    def room(self, segment: Segment, block: Block) -> int:
        """Of a free block with the hole behind it."""
        behind = segment.blocks[segment.blocks.index(block) + 1]
        return block.size + (0 if behind.mapped else behind.size)

    def grow(self, size: int, small: bool) -> tuple[Segment, Block] | None:
        """A block of new memory."""
        if self.expandable:
            return self.expand(size, small)
        step = 2 * MIB
        length = (
            step if small else 20 * MIB if size < 10 * MIB else (size + step - 1) // step * step
        )
        if self.reserved + length > self.capacity:
            return None
        segment = Segment(small, [Block(self.top, length)])
        self.top += length
        self.segments.append(segment)
        self.hold("segment_alloc", segment.blocks[0].address, length)
        return segment, segment.blocks[0]

    def expand(self, size: int, small: bool) -> tuple[Segment, Block] | None:
        """Map pages where the lowest hole leaves room, a free block before it counted."""
        page = (2 if small else 20) * MIB
        segment = next((s for s in self.segments if s.small == small), None)
        if segment is None:
            segment = Segment(small, [Block(0 if small else SPACE, SPACE, mapped=False)])
            self.segments.append(segment)
        for at, hole in enumerate(segment.blocks):
            if hole.mapped:
                continue
            begin = at - 1 if at and not segment.blocks[at - 1].used else at
            room, end = 0, begin
            while end < len(segment.blocks) and not segment.blocks[end].used and room < size:
                room += segment.blocks[end].size
                end += 1
            if room >= size:
                break
        address = segment.blocks[begin].address
        while True:
            segment.merge()
            block = next(b for b in segment.blocks if b.address == address)
            if block.mapped and block.size >= size:
                return segment, block
            hole = segment.blocks[segment.blocks.index(block) + 1] if block.mapped else block
            missing = min(size - (block.size if block.mapped else 0), hole.size)
            pages = (missing + page - 1) // page * page
            if self.reserved + pages > self.capacity:
                return None
            if pages < hole.size:
                segment.cut(hole, pages)
            hole.mapped = True
            self.hold("segment_map", hole.address, pages)

    def release(self) -> None:
        """Give back what is free as a whole."""
        for small in (False, True):
            page = (2 if small else 20) * MIB
            for segment, block in self.free_blocks(small):
                if not self.expandable:
                    if len(segment.blocks) == 1:
                        self.give_back(segment)
                    continue
                begin = (block.address + page - 1) // page * page
                end = (block.address + block.size) // page * page
                if begin >= end:
                    continue
                middle = segment.cut(block, begin - block.address)
                if end < middle.address + middle.size:
                    segment.cut(middle, end - begin)
                middle.mapped = False
                segment.blocks = [b for b in segment.blocks if b.size]
                segment.merge()
                self.hold("segment_unmap", begin, begin - end)

    def release_oversize(self, size: int, small: bool) -> bool:
        """Give back blocks that are never cut, enough for a request."""
        if self.max_split == 2**60:
            return False
        size = max(size, self.max_split)
        blocks = self.free_blocks(small)
        enough = [segment for segment, block in blocks if block.size >= size]
        if enough:
            self.give_back(enough[0])
            return True
        released = 0
        for segment, block in reversed(blocks):
            if released < size and block.size >= self.max_split:
                released += block.size
                self.give_back(segment)
        return released >= size

    def give_back(self, segment: Segment) -> None:
        """Of a whole segment."""
        self.segments.remove(segment)
        self.hold("segment_free", segment.blocks[0].address, -segment.blocks[0].size)

    def hold(self, action: str, address: int, size: int) -> None:
        """Hold more memory, or less."""
        self.log(action, address, abs(size))
        self.reserved += size
        self.peaks = self.peaks[0], max(self.peaks[1], self.reserved)

    def log(self, action: str, address: int, size: int) -> None:
        """Add to the trace."""
        self.trace.append({"action": action, "addr": address, "size": size, "stream": 0})
