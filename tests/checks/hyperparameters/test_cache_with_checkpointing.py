"""HYP021 cache-with-checkpointing."""

import pytest
from tests.preflight import tiny

from tunewell.checks.hyperparameters.cache_with_checkpointing import cache_with_checkpointing
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases


def hardware(*, checkpointing: bool, cache: bool | None) -> Recipe:
    return Recipe(hardware=Hardware(gradient_checkpointing=checkpointing, use_cache=cache))


class TestCacheWithCheckpointing(CheckCases):
    """The pair, and each alone."""

    check = cache_with_checkpointing
    faulty = {"both": (hardware(checkpointing=True, cache=True),)}
    nearly = {
        "the cache is not named": (hardware(checkpointing=True, cache=None),),
        "the cache alone": (hardware(checkpointing=False, cache=True),),
    }
    clean = {"switched off": (hardware(checkpointing=True, cache=False),), "neither": (Recipe(),)}


@pytest.mark.filterwarnings("ignore")
def test_the_real_model_switches_the_cache_off() -> None:
    """So that nothing but a warning comes of it."""
    import torch

    model = tiny.causal(use_cache=True)
    rows = torch.arange(8).reshape(1, 8)
    model.train()
    assert model(input_ids=rows).past_key_values is not None
    model.gradient_checkpointing_enable()
    given = model(input_ids=rows, labels=rows)
    assert given.past_key_values is None or not given.past_key_values.get_seq_length()
