"""The table of what trainers read speaks of kinds and slots that there are."""

import pytest

from tunewell.knowledge.trainer_columns import READS
from tunewell.subjects.layout import PLAIN_SLOTS, Kind
from tunewell.subjects.nested import NESTED_SLOTS

SLOTS = {*PLAIN_SLOTS, *NESTED_SLOTS, "messages", "chosen", "rejected", "preferred", "label"}


@pytest.mark.parametrize("kind", READS)
def test_kinds_and_slots_are_known(kind: str) -> None:
    reads = READS[kind]
    assert kind in set(Kind)
    assert {*reads.slots, *reads.lost, *reads.silent} <= SLOTS
    assert set(reads.silent) <= set(reads.slots)
    assert all(names for names in reads.slots.values())
