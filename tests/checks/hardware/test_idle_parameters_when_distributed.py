"""HW033 idle-parameters-when-distributed, on a real step."""

from pathlib import Path

from tests.preflight import tiny

from tunewell.checks.hardware.idle_parameters_when_distributed import (
    idle_parameters_when_distributed,
)
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet


def recipe(processes: int = 2, *, looks: bool | None = None, checkpointing: bool = True) -> Recipe:
    hardware = Hardware(
        world_size=processes,
        ddp_find_unused_parameters=looks,
        gradient_checkpointing=checkpointing,
    )
    return Recipe(hardware=hardware)


def test_an_adapter_that_is_not_in_use(tmp_path: Path) -> None:
    model = tiny.lora(tiny.causal())
    with quiet(1):
        model.save_pretrained(tmp_path / "adapter")
        model.load_adapter(tmp_path / "adapter", "second", is_trainable=True)
    state = tiny.stepped(tiny.sft(tmp_path / "out", model=model))
    found = run_check(idle_parameters_when_distributed, (state, recipe())).findings
    assert "8 trainable tensors" in found[0].message
    healthy = tiny.stepped(tiny.sft(tmp_path / "out", model=tiny.lora(tiny.causal())))
    assert not run_check(idle_parameters_when_distributed, (healthy, recipe())).findings


def step(gradient: float | None) -> ModelState:
    tensor = TensorStep(
        "pooler", trainable=True, in_optimizer=1, gradient_norm=gradient, moved=False
    )
    return ModelState(tensors=(tensor,), learning_rate=1e-4)


class TestIdleParametersWhenDistributed(CheckCases):
    """Steps written down."""

    check = idle_parameters_when_distributed
    faulty = {
        "checkpointing": (step(None), recipe()),
        "not looked for": (step(None), recipe(looks=False, checkpointing=False)),
    }
    nearly = {
        "one process": (step(None), recipe(1)),
        "looked for": (step(None), recipe(looks=True)),
        "looked for by default": (step(None), recipe(checkpointing=False)),
    }
    clean = {"reached": (step(0.2), recipe())}
