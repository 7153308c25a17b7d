"""Tests of the fit of what GPUs reach: it finds what made the data, and counts as the plan does."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest

from tunewell.knowledge import gpus
from tunewell.plan.kernels import seconds_of
from tunewell.plan.simulated import Work

pytest.importorskip("torch")
FOLDER = Path(__file__).parents[2] / "benchmarks"
T4 = gpus.resolve("T4").gpu


@pytest.fixture(scope="module")
def fits() -> Iterator[ModuleType]:
    """The script as a module; the one beside it can be imported as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module("step_time")


@pytest.fixture(scope="module")
def fitting(fits: ModuleType) -> ModuleType:
    """The fit itself."""
    return sys.modules[fits.fit.__module__]


def drawn(count: int) -> list[tuple[Work, ...]]:
    """Steps of every kind of kernel, some bound by each part of the GPU and some by the host."""
    generator = np.random.default_rng(0)
    kinds = [
        ("matrix", "fp16", 14.0),
        ("matrix", "fp32", 13.0),
        ("unaligned", "bf16", 11.0),
        ("convolution", "fp16", 13.0),
        ("attention", "fp16", 13.0),
        ("attention", "fp32", 12.0),
        ("vector", "fp32", 0.0),
    ]
    return [
        tuple(
            Work(
                phase=str(generator.choice(["forward", "recompute", "backward", "optimizer"])),
                unit=unit,
                precision=precision,
                operations=10 ** (size - generator.uniform(0, 3)) if size else 0.0,
                bytes=10 ** generator.uniform(7, 12 if unit == "vector" else 9),
                kernels=int(10 ** generator.uniform(0, 5)),
            )
            for unit, precision, size in kinds
        )
        for _ in range(count)
    ]


def test_all_at_once_is_one_by_one(fits: ModuleType, fitting: ModuleType) -> None:
    rows = [fits.Row(str(n), "m", work, 1.0) for n, work in enumerate(drawn(20))]
    reached = fits.starting(T4)
    one_by_one = [seconds_of(row.work, T4, reached).whole for row in rows]
    assert fitting.Together(rows, T4).whole(reached) == pytest.approx(one_by_one, rel=1e-12)


def test_the_fit_finds_what_made_the_data(fits: ModuleType) -> None:
    """Shares far from where it begins; what seconds follow is what counts."""
    true = msgspec.structs.replace(
        fits.starting(T4),
        matrix_16=0.3,
        matrix_32=0.9,
        bandwidth=0.4,
        kernel_seconds=8e-6,
        forward_launch=80e-6,
    )
    rows = [
        fits.Row(str(n), "m", work, seconds_of(work, T4, true).whole)
        for n, work in enumerate(drawn(60))
    ]
    found = fits.fit(T4, rows[:40])
    errors = [abs(1 / fits.ratio(row, T4, found) - 1) for row in rows[40:]]
    begun = [abs(1 / fits.ratio(row, T4, fits.starting(T4)) - 1) for row in rows[40:]]
    assert np.mean(errors) < 0.05 < np.mean(begun)
    assert found.matrix_16 == pytest.approx(0.3, rel=0.15)
    assert found.forward_launch == pytest.approx(80e-6, rel=0.2)


def test_the_range_leaves_out_as_many_as_it_says(fits: ModuleType) -> None:
    """2.5 % on each side of 199 steps: four each, the margin aside."""
    ends = [(n / 100, n / 100) for n in range(1, 200)]
    low, high = fits.bounds(ends)
    assert low * fits.MARGIN == pytest.approx(0.05)
    assert high / fits.MARGIN == pytest.approx(1.95)
    assert sum(not fits.inside(each, (0.05, 1.95)) for each in ends) == 8
    assert fits.bounds([(1.2, 1.1)] * 3)[0] == 1.0


def test_both_kinds_of_files_are_read(fits: ModuleType, tmp_path: Path) -> None:
    config = {"model_type": "llama", "hidden_size": 64}
    archive = tmp_path / "t4.json"
    archive.write_text(
        json.dumps(
            {
                "card": {"name": "Tesla T4"},
                "models": {"m": {"config": config}},
                "rows": [
                    {"name": "a", "model": "m", "step": {}, "measured": {"seconds": 2.0}},
                    {"name": "b", "model": "m", "step": {}, "measured": {"outcome": "oom"}},
                ],
            }
        )
    )
    name, rows = fits.read(archive)
    assert name == "T4"
    assert [(row[0], row[1], row[3], row[4]) for row in rows] == [("a", "m", 2.0, False)]
    lines = [
        {"kind": "card", "name": "NVIDIA H200"},
        {"kind": "step", "name": "x", "step": {"config": config}, "held_out": True}
        | {"seconds": {"step": 0.5}},
        {"kind": "step", "name": "y", "step": {"config": config}, "held_out": False},
    ]
    own = tmp_path / "own.jsonl"
    own.write_text("\n".join(json.dumps(line) for line in lines))
    name, rows = fits.read(own)
    assert name == "H200"
    assert [(row[0], row[1], row[3], row[4]) for row in rows] == [("x", "llama 64", 0.5, True)]
