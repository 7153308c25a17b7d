"""HW015 layers-marked-ready-twice, beside DistributedDataParallel in one process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.checks.tiny_trainers import language_model

from tunewell.checks.hardware.layers_marked_ready_twice import layers_marked_ready_twice
from tunewell.subjects.recipe import Adapter, Hardware, Recipe
from tunewell.testing import CheckCases, run_check


def recipe(adapter: Adapter | None = None, **hardware: Any) -> Recipe:  # noqa: ANN401
    """A recipe for two processes with re-entrant checkpointing."""
    settings = {"world_size": 2, "gradient_checkpointing": True, "use_reentrant": True, **hardware}
    return Recipe(hardware=Hardware(**settings), adapter=adapter, format="transformers")


class TestLayersMarkedReadyTwice(CheckCases):
    """Planted, nearly faulty and clean settings."""

    check = layers_marked_ready_twice
    faulty = {
        "asked for": (recipe(ddp_find_unused_parameters=True),),
        "an adapter, nothing said": (recipe(Adapter()),),
    }
    nearly = {
        "a model of transformers, nothing said": (recipe(),),
        "no search": (recipe(Adapter(), ddp_find_unused_parameters=False),),
        "not re-entrant": (recipe(Adapter(), use_reentrant=None),),
        "FSDP": (recipe(Adapter(), fsdp={"version": 2}),),
        "one process": (recipe(Adapter(), world_size=1),),
    }
    clean = {"no checkpointing": (recipe(gradient_checkpointing=False),)}


@pytest.fixture
def alone() -> Iterator[None]:
    """A process group of one."""
    from torch import distributed

    store = distributed.HashStore()  # type: ignore[attr-defined]
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.reproduces("P18")
@pytest.mark.usefixtures("alone")
@pytest.mark.filterwarnings("ignore:.*will be removed in v6:FutureWarning")  # PEFT uses old names
@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize("reentrant", [False, True])
def test_the_backward_pass_really_fails(*, adapted: bool, reentrant: bool) -> None:
    """With re-entrant checkpointing alone, with and without an adapter."""
    import torch
    from peft import LoraConfig, get_peft_model
    from torch.nn.parallel import DistributedDataParallel

    model = language_model()
    model.activation_checkpointing_enable({"use_reentrant": reentrant})
    model.enable_input_require_grads()
    if adapted:
        model = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"]))
    model.train()
    wrapped = DistributedDataParallel(model, find_unused_parameters=True)
    ids = torch.arange(3, 11).repeat(2, 1)
    loss = wrapped(input_ids=ids, labels=ids).loss
    said = recipe(Adapter() if adapted else None, use_reentrant=reentrant,
                  ddp_find_unused_parameters=True)  # fmt: skip
    found = run_check(layers_marked_ready_twice, (said,)).findings
    if reentrant:
        with pytest.raises(RuntimeError, match="mark a variable ready only once"):
            loss.backward()
    else:
        loss.backward()
    assert bool(found) is reentrant
