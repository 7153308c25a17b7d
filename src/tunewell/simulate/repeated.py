"""One more optimizer step of a run, without running it: its requests again.

How much PyTorch's allocator reserves settles in the third step. That one requests what the second
did, so that its events are the second's under other numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

Events = Sequence[tuple[int, int]]
Marks = Sequence[tuple[str, int]]


def once_more(
    events: Events, marks: Marks, begin: int, end: int
) -> tuple[list[tuple[int, int]], list[tuple[str, int]]]:
    """Events and marks with those from `begin` to `end` twice.

    What the stretch frees of before, as the gradients that a plain loop keeps between steps, is
    matched with what it leaves behind of the same size. What has no match is not repeated.
    """
    stretch = events[begin:end]
    replaced = _matched(stretch)
    """What the stretch leaves behind, and what of before it takes the place of."""
    taken = set(replaced.values())
    fresh = 1 + max((number for number, _ in events), default=0)
    names: dict[int, int] = {}
    renamed: dict[int, int] = {}
    freed = {number for number, size in stretch if size < 0}
    copy: list[tuple[int, int]] = []
    places = []
    for number, size in stretch:
        places.append(begin + len(copy))
        if size > 0 and (number in freed or number in replaced):
            names[number] = fresh
            if number in replaced:
                renamed[replaced[number]] = fresh
            copy.append((fresh, size))
            fresh += 1
        elif size < 0 and (number in names or number in taken):
            copy.append((names.get(number, number), size))
        elif size == 0:
            copy.append((number, size))
    rest = [(renamed.get(number, number), size) for number, size in events[begin:]]
    return [*events[:begin], *copy, *rest], [
        *((name, place) for name, place in marks if place < begin),
        *((name, places[place - begin]) for name, place in marks if begin <= place < end),
        *((name, place + len(copy)) for name, place in marks if place >= begin),
    ]


def _matched(stretch: Events) -> dict[int, int]:
    born = {number: size for number, size in stretch if size > 0}
    freed = {number: -size for number, size in stretch if size < 0}
    before: dict[int, list[int]] = defaultdict(list)
    for number, size in freed.items():
        if number not in born:
            before[size].append(number)
    matched = {}
    for number, size in born.items():
        if number not in freed and before[size]:
            matched[number] = before[size].pop(0)
    return matched
