"""One more step without running it: a run that an allocator can follow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tunewell.plan.allocator import replay
from tunewell.simulate.repeated import once_more

MIB = 1024**2


def written(draws: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], int, int]:
    """A run of requests and releases by drawn sizes and lifetimes, its middle third a step."""
    events: list[tuple[int, int]] = []
    due: dict[int, list[tuple[int, int]]] = {}
    for place, (size, lifetime) in enumerate(draws):
        events += [(number, -held) for number, held in due.pop(place, [])]
        events.append((place, size))
        due.setdefault(place + lifetime, []).append((place, size))
    third = len(events) // 3
    return events, third, 2 * third


@given(
    st.lists(st.tuples(st.sampled_from([512, 4096, MIB, 3 * MIB]), st.integers(1, 9)), max_size=60)
)
def test_a_repeated_step_is_a_run_that_an_allocator_can_follow(
    draws: list[tuple[int, int]],
) -> None:
    events, begin, end = written(draws)
    doubled, _ = once_more(events, [], begin, end)
    live: dict[int, int] = {}
    for number, size in doubled:
        if size > 0:
            assert number not in live
            live[number] = size
        else:
            assert live.pop(number) == -size
    left = {number for number, size in events if size > 0} - {n for n, s in events if s < 0}
    sizes = sorted(size for number, size in events if number in left and size > 0)
    assert sorted(live.values()) == sizes
    assert replay(doubled).allocated >= replay(events).allocated - MIB


def test_what_is_born_and_dies_in_the_step_is_requested_again() -> None:
    events = [(0, 100), (1, 200), (1, -200), (0, -100)]
    marks = [("load", 0), ("1:forward", 1), ("saving", 3)]
    doubled, moved = once_more(events, marks, 1, 3)
    assert doubled == [(0, 100), (2, 200), (2, -200), (1, 200), (1, -200), (0, -100)]
    assert moved == [("load", 0), ("1:forward", 1), ("1:forward", 3), ("saving", 5)]


def test_gradients_that_a_plain_loop_keeps_are_handed_on() -> None:
    # 0 is the gradient of the step before, freed at the next one's start; 1 the next one's.
    events = [(0, 64), (0, -64), (1, 64)]
    doubled, _ = once_more(events, [], 1, 3)
    assert doubled == [(0, 64), (0, -64), (2, 64), (2, -64), (1, 64)]


def test_states_that_are_made_once_are_not_made_twice() -> None:
    events = [(0, 64), (1, 128)]
    doubled, _ = once_more(events, [], 1, 2)
    assert doubled == events
