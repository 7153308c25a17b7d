"""The model beside what PyTorch's allocator did: recorded on GPUs, and written by its rules.

`tests/fixtures/allocator/` has the recorded histories (`benchmarks/gpu_memory/allocator_drills.py`
and `measure.py`) and `synthetic.json.gz`, which `slow_allocator` made: a test asserts that.
"""

from __future__ import annotations

import dataclasses
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from benchmarks.gpu_memory.allocator_history import History, Setting, compare, read, record
from tests.plan.slow_allocator import NoMemoryError, SlowAllocator

from tunewell.plan.pools import MIB

FOLDER = Path(__file__).parents[1] / "fixtures" / "allocator"
LIMIT = 140 * MIB


def synthetic(*, limit: int | None = None, expandable: bool = False) -> History:
    """Requests at random to the slow allocator."""
    slow = SlowAllocator(capacity=limit or 2**60, expandable=expandable)
    draw = random.Random(0)  # noqa: S311  no secret
    live: list[int] = []
    for name in range(600):
        while live and draw.random() < 0.45:
            slow.free(live.pop(draw.randrange(len(live))))
        if name % 200 == 199 and limit is None:
            slow.release()
        try:
            slow.request(name, int(2 ** draw.uniform(4, draw.choice([16, 20, 25]))))
        except NoMemoryError:
            for held in live[::2]:
                slow.free(held)
            live = live[1::2]
        else:
            live.append(name)
    setting = Setting(expandable=expandable, limit=limit)
    return read(slow.trace, allocated=slow.peaks[0], setting=setting, source="slow_allocator")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json.gz")), ids=lambda path: path.stem)
def test_the_model_follows_every_recorded_history_to_the_byte(path: Path) -> None:
    history = History.load(path)
    assert (history.streams, history.late) == (1, 0)
    found = compare(history)
    assert found.exact, found.difference
    # Where segments lie decides between equal blocks: the peaks may differ a little by that alone,
    # and more where requests are rounded up to few sizes, so that many blocks are equal.
    few_sizes = history.setting.roundup_power2_divisions is not None
    assert found.allocated == pytest.approx(found.real_allocated, rel=0.01)
    assert found.reserved == pytest.approx(found.real_reserved, rel=0.07 if few_sizes else 0.03)


def test_the_synthetic_history_is_there_as_it_is_made() -> None:
    assert History.load(FOLDER / "synthetic.json.gz") == synthetic(limit=LIMIT)


@pytest.mark.parametrize(
    "setting", [{}, {"limit": LIMIT}, {"expandable": True}], ids=["plain", "limit", "expandable"]
)
def test_a_history_by_the_rules_is_followed(setting: dict[str, Any]) -> None:
    history = synthetic(**setting)
    found = compare(history)
    assert found.exact, found.difference
    assert found.events > 1000
    assert (found.allocated, found.reserved) == (found.real_allocated, found.real_reserved)
    # Cached segments were given back on the way, where memory was short or the cache was emptied.
    assert any(size < 0 for _, size, _ in history.segments)
    assert bool(history.failures) == ("limit" in setting)


def test_a_history_is_read_from_a_trace_of_the_documented_shape() -> None:
    """`TraceEntry` of `torch.cuda.memory._snapshot`: frames and streams, no address of an oom."""
    step = {"frames": [], "stream": 0, "time_us": 1}
    trace = [
        {"action": "free_requested", "addr": 64, "size": 100, **step},
        {"action": "free_completed", "addr": 64, "size": 100, **step},
        {"action": "segment_alloc", "addr": 4096, "size": 2 * MIB, **step},
        {"action": "alloc", "addr": 4096, "size": 100, **step},
        {"action": "alloc", "addr": 4608, "size": 700, **step},
        {"action": "free_requested", "addr": 4096, "size": 100, **step},
        {"action": "free_completed", "addr": 4096, "size": 100, **step},
        {"action": "alloc", "addr": 4096, "size": 10, **step},
        {"action": "oom", "size": 2**40, "device_free": 5, **step},
        {"action": "snapshot", "addr": 0, "size": 0, **step},
    ]
    history = read(trace, allocated=2048)
    assert history.events == [(0, 100), (1, 700), (0, -100), (2, 10)]
    assert history.addresses == [4096, 4608, 4096]
    assert history.segments == [(0, 2 * MIB, 4096)]
    assert history.failures == [(4, 2**40)]
    assert (history.reserved, history.streams, history.late) == (2 * MIB, 1, 0)
    assert compare(history).exact


def test_blocks_that_become_free_late_and_further_streams_are_counted() -> None:
    trace = [
        {"action": "segment_alloc", "addr": 0, "size": 2 * MIB, "stream": 0},
        {"action": "alloc", "addr": 0, "size": 512, "stream": 0},
        {"action": "free_requested", "addr": 0, "size": 512, "stream": 0},
        {"action": "segment_alloc", "addr": 2 * MIB, "size": 2 * MIB, "stream": 7},
        {"action": "alloc", "addr": 2 * MIB, "size": 512, "stream": 7},
        {"action": "free_completed", "addr": 0, "size": 512, "stream": 0},
    ]
    history = read(trace, allocated=1024)
    assert history.events == [(0, 512), (1, 512), (0, -512)]
    assert (history.streams, history.late) == (2, 1)
    found = compare(history)
    assert (found.followed, found.exact) == (1, False)
    assert found.difference == "2,097,152 bytes held, really 4,194,304"


def test_what_the_real_allocator_did_otherwise_is_said() -> None:
    history = synthetic()
    at, size, address = history.segments[3]
    larger = [*history.segments]
    larger[3] = (at, size + 2 * MIB, address)
    found = compare(dataclasses.replace(history, segments=larger))
    assert (found.followed, found.exact) == (at, False)
    assert found.difference == f"a segment of {size:,} bytes, really {size + 2 * MIB:,}"
    moved = [*history.addresses]
    moved[20] += 512
    found = compare(dataclasses.replace(history, addresses=moved))
    assert found.difference.startswith("block 20 at ")
    more = [*history.segments, (len(history.events), 2 * MIB, 0)]
    found = compare(dataclasses.replace(history, segments=more))
    assert (found.exact, found.difference) == (False, "the real allocator took more segments")
    fewer = dataclasses.replace(synthetic(limit=LIMIT), failures=[(3, 512)])
    assert compare(fewer).difference == "a request of 512 bytes fits, but really failed"
    tight = dataclasses.replace(history, setting=Setting(limit=4 * MIB))
    assert "do not fit" in compare(tight).difference


@pytest.mark.parametrize("limit", [None, LIMIT])
def test_a_written_history_is_read_as_it_was(tmp_path: Path, limit: int | None) -> None:
    history = synthetic(limit=limit)
    history.write(tmp_path / "one.json.gz")
    assert History.load(tmp_path / "one.json.gz") == history
    history.write(tmp_path / "two.json.gz")
    assert (tmp_path / "one.json.gz").read_bytes() == (tmp_path / "two.json.gz").read_bytes()


def test_settings_are_written_as_pytorch_reads_them() -> None:
    setting = Setting(expandable=True, max_split_size=64 * MIB, roundup_power2_divisions=4)
    assert setting.text() == (
        "expandable_segments:True,roundup_power2_divisions:4,max_split_size_mb:64"
    )
    assert Setting().text() == "expandable_segments:False,roundup_power2_divisions:1"


class FakeCuda:
    """The part of `torch.cuda` that a recording asks, over the slow allocator."""

    def __init__(self) -> None:
        self.slow = SlowAllocator()
        self.told: list[Any] = []
        self.memory = SimpleNamespace(
            _set_allocator_settings=self.told.append,
            _record_memory_history=self.keep_history,
            _snapshot=lambda: {"device_traces": [self.slow.trace]},
        )
        self.current_device = lambda: 0
        self.empty_cache = self.slow.release
        self.synchronize = lambda: None
        self.memory_reserved = lambda: self.slow.reserved
        self.max_memory_allocated = lambda: self.slow.peaks[0]
        self.get_device_name = lambda: "Fake"
        self.get_device_properties = lambda _: SimpleNamespace(total_memory=100 * MIB)
        self.set_per_process_memory_fraction = self.limit

    def keep_history(self, enabled: str | None = "all", *, context: None = None) -> None:
        """Without the places in the code that ask."""
        self.told.append((enabled, context))

    def limit(self, fraction: float) -> None:
        """A share of 100 MiB."""
        self.told.append(fraction)
        self.slow.capacity = int(fraction * 100 * MIB)

    def reset_peak_memory_stats(self) -> None:
        """Down to what is held."""
        self.slow.peaks = self.slow.allocated, self.slow.peaks[1]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    torch = SimpleNamespace(cuda=fake, OutOfMemoryError=NoMemoryError, __version__="2.13.0")
    monkeypatch.setitem(sys.modules, "torch", torch)
    return fake


def test_a_recording_has_the_peak_of_the_whole_run(cuda: FakeCuda, tmp_path: Path) -> None:
    """Also where the run resets PyTorch's own peak."""

    def run() -> None:
        cuda.slow.request(0, 30 * MIB)
        cuda.slow.free(0)
        cuda.reset_peak_memory_stats()
        cuda.slow.request(1, MIB)

    history = record(run, tmp_path / "history.json.gz")
    assert history == History.load(tmp_path / "history.json.gz")
    assert (history.allocated, history.reserved) == (30 * MIB, 32 * MIB)
    assert history.source == "PyTorch 2.13.0, Fake"
    assert compare(history).exact
    assert cuda.told == [("all", None), (None, None)]


def test_a_recording_is_set_and_ends_where_memory_does(cuda: FakeCuda) -> None:
    def run() -> None:
        for name in range(9):
            cuda.slow.request(name, 20 * MIB)

    setting = Setting(limit=50 * MIB)
    history = record(run, setting=setting)
    assert history.events == [(0, 20 * MIB), (1, 20 * MIB)]
    assert history.failures == [(2, 20 * MIB)]
    assert compare(history).exact
    assert cuda.told == [setting.text(), 0.51, ("all", None), (None, None), 1.0]


def test_a_recording_is_refused_where_memory_is_held(cuda: FakeCuda) -> None:
    cuda.slow.request(0, 1)
    with pytest.raises(RuntimeError, match="2,097,152 bytes are held"):
        record(lambda: None)
    assert cuda.told == []
