"""Equal keys found by scattering."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tunewell.facts.near.lookup import Lookup

KEYS = st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), max_size=80)


@given(KEYS, KEYS)
def test_every_key_finds_the_last_equal_one(keys: list[int], wanted: list[int]) -> None:
    lookup = Lookup(np.array(keys, dtype=np.uint64))
    last = {key: at for at, key in enumerate(keys)}
    assert lookup.last.tolist() == [last[key] for key in keys]
    assert lookup.distinct.sum() == len(last)
    place, missing = lookup.find(np.array(wanted, dtype=np.uint64))
    assert missing.tolist() == [at for at, key in enumerate(wanted) if key not in last]
    for at, key in enumerate(wanted):
        if key in last:
            assert place[at] == last[key]


def test_keys_that_collide_in_a_small_table_are_told_apart() -> None:
    # Multiples of a large power of two meet in few slots of any table.
    keys = np.arange(5000, dtype=np.uint64) << np.uint64(50)
    assert (Lookup(keys).last == np.arange(5000)).all()
