"""The requests of one simulated step against those that PyTorch's allocator recorded on a GPU.

Multisets of what is larger than 1 MiB, in the last step of each. What differs is stated: where two
gradients of one tensor meet, autograd adds in place on a GPU, but not under a dispatch mode; and a
few workspaces of kernels are not known.
"""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks.gpu_memory.allocator_history import History
from benchmarks.gpu_memory.compare import described
from tests.simulate.running import MIB
from tests.simulate.test_measured import RUNS

from tunewell.simulate.models import build
from tunewell.simulate.step import ITERATIONS, Run

FOLDER = Path(__file__).parents[1] / "fixtures" / "allocator"
BLOCK = 512


def large(events: list[tuple[int, int]]) -> list[int]:
    """Sizes as the allocator rounds them."""
    return [-(-size // BLOCK) * BLOCK for _, size in events if size > MIB]


def simulated_step(name: str) -> list[int]:
    """The last step's requests."""
    step = described(RUNS[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = Run(step, build(step, []))
        run.everything()
    last = f"{ITERATIONS - 1}:"
    begin = next(place for phase, place in run.storages.marks if phase.startswith(last))
    end = next(
        place for phase, place in run.storages.marks if place > begin and not phase.startswith(last)
    )
    return large(run.storages.events[begin:end])


def recorded_step(name: str, about: int) -> list[int]:
    """The last step's requests: the shortest end of the history that is there twice."""
    sizes = large(History.load(FOLDER / f"history-{name}.json.gz").events)
    for length in range(about * 8 // 10, about * 12 // 10):
        if sizes[-length:] == sizes[-2 * length : -length]:
            return sizes[-length:]
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("name", "added_apart", "unknown"),
    [
        # The second: efficient attention's backward stages dq where it splits the keys.
        ("bert.full.fp32.b16x128", {16 * 128 * 768 * 4: 36}, {6_297_600: 12}),
        pytest.param(
            "llama-3.2-1b.full.amp-bf16.b2x1024",
            {
                2 * 1024 * 2048 * 4: 113,
                2 * 1024 * 2048 * 2: 32,
                2 * 1024 * 512 * 2: 32,
                128256 * 2048 * 4: 1,
            },
            # Sorting the tokens for the gradient of the embedding, one size of many.
            {2_340_864: 1},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_step_asks_for_what_a_gpu_was_asked_for(
    name: str, added_apart: dict[int, int], unknown: dict[int, int]
) -> None:
    found = simulated_step(name)
    simulated, real = Counter(found), Counter(recorded_step(name, len(found)))
    assert dict(simulated - real) == added_apart
    assert dict(real - simulated) == unknown
