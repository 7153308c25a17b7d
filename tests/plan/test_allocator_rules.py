"""The allocator's model beside its rules written down a second time, as plainly as can be."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from tests.plan.drawn_requests import requests
from tests.plan.slow_allocator import SPACE, NoMemoryError, SlowAllocator

from tunewell.plan.allocator import Allocator, Options, OutOfCapacityError, replay
from tunewell.plan.pools import MIB


def beside(slow: SlowAllocator, options: Options, events: Iterable[tuple[int, int]]) -> None:
    """Hold the model to the slow one, block by block, to the first request that does not fit."""
    model = Allocator(capacity=slow.capacity, expandable=slow.expandable, options=options)
    for name, size in events:
        if size < 0:
            model.free(name)
            slow.free(name)
        else:
            try:
                slow.request(name, size)
            except NoMemoryError:
                with pytest.raises(OutOfCapacityError):
                    model.request(name, size)
                return
            model.request(name, size)
        # The model's expandable segments both begin at 0.
        blocks = {
            name: (block.address % SPACE, block.size) for name, (_, block) in slow.live.items()
        }
        assert model.live == blocks
        assert model.driver.held == slow.reserved
    assert (model.peak, model.driver.peak) == slow.peaks


SETTINGS = {
    "default": (False, Options()),
    "expandable": (True, Options()),
    "split": (False, Options(max_split_size=24 * MIB)),
    "divisions": (False, Options(roundup_power2_divisions=4)),
}


def slow_one(name: str, capacity: int = 2**60) -> SlowAllocator:
    expandable, options = SETTINGS[name]
    return SlowAllocator(
        capacity=capacity,
        expandable=expandable,
        max_split=options.max_split_size or 2**60,
        divisions=options.roundup_power2_divisions,
    )


@pytest.mark.parametrize("name", SETTINGS)
@given(events=requests())
def test_the_model_does_what_the_rules_written_down_again_do(
    name: str, events: list[tuple[int, int]]
) -> None:
    beside(slow_one(name), SETTINGS[name][1], events)


@pytest.mark.parametrize("name", SETTINGS)
def test_so_it_does_where_memory_is_short_and_in_pieces(name: str) -> None:
    """The same with few sizes, so that pieces fit one another, and ever less memory."""
    for seed in range(60):
        draw = random.Random(seed)  # noqa: S311  no secret
        most = draw.choice([10, 30, 60])
        unit = draw.choice([MIB // 4, 2 * MIB, 5 * MIB])
        events: list[tuple[int, int]] = []
        live: list[tuple[int, int]] = []
        for at in range(120):
            while live and (len(live) > most or draw.random() < 0.4):
                events.append(live.pop(draw.randrange(len(live))))
            size = draw.choice([unit, 2 * unit, 3 * unit, 10 * unit, MIB // 4, MIB, 7 * MIB])
            events.append((at, size))
            live.append((at, -size))
        full = replay(events, expandable=SETTINGS[name][0], options=SETTINGS[name][1]).reserved
        for share in (1.0, 0.95, 0.9, 0.8):
            beside(slow_one(name, int(full * share)), SETTINGS[name][1], events)
