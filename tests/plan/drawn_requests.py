"""Requests to an allocator, drawn."""

from __future__ import annotations

from hypothesis import strategies as st

from tunewell.plan.pools import MIB

SIZES = st.one_of(
    st.sampled_from([1, 512, 513, MIB, MIB + 1, 2 * MIB, 10 * MIB - 512, 10 * MIB, 21 * MIB]),
    st.integers(1, 64 * 1024),
    st.integers(1, 40 * MIB),
)


@st.composite
def requests(draw: st.DrawFn, *, freed: bool = False) -> list[tuple[int, int]]:
    """Requests, and frees of some or all of them."""
    sizes: list[int] = []
    events, live = [], []
    for choice in draw(st.lists(st.one_of(SIZES, st.just(-1)), max_size=60)):
        if choice > 0:
            live.append(len(sizes))
            events.append((len(sizes), choice))
            sizes.append(choice)
        elif live:
            name = live.pop(draw(st.integers(0, len(live) - 1)))
            events.append((name, -sizes[name]))
    return events + ([(name, -sizes[name]) for name in live] if freed else [])
