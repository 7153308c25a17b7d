"""HW046 longest-batch-comes-late."""

from __future__ import annotations

import dataclasses

import numpy as np
from tests.checks.hardware.gpus import BERT, GIB, gpu

from tunewell.checks.hardware.does_not_fit import does_not_fit
from tunewell.checks.hardware.longest_batch_comes_late import longest_batch_comes_late
from tunewell.subjects.recipe import Hardware, Preparation, Recipe
from tunewell.subjects.tokenization import Tokenization
from tunewell.testing import CheckCases, run_check

LONG = dataclasses.replace(BERT, max_length=None)
RECIPE = Recipe(per_device_train_batch_size=32)


def tokens(usual: int, longest: int, rows: int = 5000) -> Tokenization:
    """Rows of the usual length, and one that is longer."""
    lengths = np.full(rows, usual, dtype=np.int64)
    lengths[rows // 2] = longest
    return Tokenization("train", lengths, None, None)


class TestLongestBatchComesLate(CheckCases):
    """BERT with 32 rows a batch on a GPU of 16 GiB."""

    check = longest_batch_comes_late
    faulty = {"one row of 3,000 tokens": (RECIPE, LONG, gpu(16), tokens(100, 3000))}
    nearly = {
        "too close to say": (RECIPE, LONG, gpu(16), tokens(100, 500)),
        "cut first": (
            dataclasses.replace(RECIPE, max_length=128),
            LONG,
            gpu(16),
            tokens(100, 3000),
        ),
        "all are long: it fails at once": (RECIPE, LONG, gpu(16), tokens(3000, 3000)),
        "packed": (
            dataclasses.replace(RECIPE, preparation=Preparation(packing=True)),
            LONG,
            gpu(16),
            tokens(100, 3000),
        ),
        "sharded": (
            dataclasses.replace(RECIPE, hardware=Hardware(fsdp={"enabled": True})),
            LONG,
            gpu(16),
            tokens(100, 3000),
        ),
    }
    clean = {"a large GPU": (RECIPE, LONG, gpu(192), tokens(100, 3000))}


def test_it_is_said_once() -> None:
    """The general warning keeps silent where this one speaks, and speaks where it does not."""
    late = (RECIPE, LONG, gpu(16), tokens(100, 3000))
    assert not run_check(does_not_fit, late).findings
    at_once = (RECIPE, LONG, gpu(16), tokens(3000, 3000))
    assert run_check(does_not_fit, at_once).findings


def test_a_usual_batch_is_as_long_as_95_of_100_are_at_most() -> None:
    """Against batches drawn at random from real-looking lengths."""
    from tunewell.plan.for_recipe import batch_needs
    from tunewell.plan.memory import ModelSize

    rng = np.random.default_rng(0)
    lengths = np.maximum(1, rng.lognormal(4.5, 0.6, 20_000)).astype(np.int64)
    size = ModelSize.of(LONG)
    assert size is not None
    needs = batch_needs(RECIPE, LONG, size, Tokenization("train", lengths, None, None))
    assert needs is not None
    drawn = rng.choice(lengths, size=(4000, 32)).max(axis=1)
    assert abs(float((drawn <= needs.usual_length).mean()) - 0.95) < 0.02
    assert needs.length == lengths.max()
    assert GIB < needs.usual.total < needs.longest.total
