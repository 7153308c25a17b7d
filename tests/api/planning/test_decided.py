"""`tunewell check` simulates a step where arithmetic cannot say whether it fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import msgspec
import pytest
from tests.api.planning.simulations import QWEN

from tunewell.api.gathered import Gathered
from tunewell.api.planning.decided import decide
from tunewell.api.planning.model import known_model
from tunewell.engine.examine import examine
from tunewell.knowledge import gpus
from tunewell.plan import child
from tunewell.plan.for_recipe import memory_of, size_of
from tunewell.plan.needed import Needed
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Adapter, Hardware, Recipe

GIB = 1024**3
RECIPE = Recipe(
    task="sft",
    method="lora",
    model="Qwen/Qwen2.5-0.5B",
    format="trl",
    adapter=Adapter(r=16),
    precision="bf16",
    max_length=1024,
    per_device_train_batch_size=4,
    hardware=Hardware(dtype="bfloat16"),
)


def checkpoint() -> Checkpoint:
    found = known_model("Qwen/Qwen2.5-0.5B")
    assert found is not None
    assert found.checkpoint is not None
    return found.checkpoint


def machine(share: float = 0.5) -> Machine:
    """A GPU that has what lies so far between the arithmetic's low and high."""
    size = size_of(checkpoint(), task=RECIPE.task)
    assert size is not None
    formula = memory_of(RECIPE, checkpoint(), size, batch=4, length=1024)
    between = formula.low + share * (formula.high - formula.low)
    return Machine(
        cores=8,
        memory_bytes=200 * GIB,
        disk_free_bytes=500 * GIB,
        gpus=1,
        gpu_name="NVIDIA L4",
        gpu_bytes=int(between),
    )


class Saying:
    """A simulation that says the same of every step."""

    def __init__(self, answer: Simulated | NotSimulated) -> None:
        self.answer = answer
        self.asked: list[Step] = []

    def __call__(self, steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
        """One answer a step."""
        for step in steps:
            self.asked.append(step)
            yield self.answer


def taking(count: int) -> Saying:
    """A step that takes so many bytes, the context included."""
    here = count - gpus.resolve("L4").gpu.context_bytes
    return Saying(
        msgspec.structs.replace(
            QWEN, peak_allocated=here, peak_reserved=here, smallest_capacity=here
        )
    )


def gathered(recipe: Recipe = RECIPE, here: Machine | None = None) -> Gathered:
    return Gathered(subjects=[recipe, checkpoint(), here or machine()])


def found(of: Gathered) -> list[str]:
    return [finding.code for finding in examine(of.subjects, families={"hardware"}).findings]


@pytest.mark.parametrize(("share", "codes"), [(0.8, False), (1.2, True)])
def test_the_simulation_decides(share: float, *, codes: bool) -> None:
    """Whatever the arithmetic's middle says, and with what was simulated in words."""
    of = gathered()
    simulate = taking(int(share * (machine().gpu_bytes or 0)))
    decide(of, simulate=simulate)
    assert len(simulate.asked) == 1
    assert (simulate.asked[0].batch, simulate.asked[0].length) == (4, 1024)
    assert ("HW001" in found(of)) == codes
    (section,) = of.sections
    assert "4 rows of 1,024 tokens was simulated" in section.text
    assert ("does not fit" in section.text) == codes


@pytest.mark.parametrize(
    ("recipe", "here"),
    [
        (RECIPE, machine(-0.1)),
        (RECIPE, machine(1.1)),
        (RECIPE, dataclasses.replace(machine(), gpu_bytes=None, gpu_name=None)),
        (dataclasses.replace(RECIPE, hardware=Hardware(deepspeed={"zero_stage": 3})), machine()),
        (dataclasses.replace(RECIPE, hardware=Hardware(world_size=2)), machine()),
    ],
)
def test_nothing_is_simulated_where_it_is_decided_or_not_this_gpu_s(
    recipe: Recipe, here: Machine
) -> None:
    simulate = taking(GIB)
    of = gathered(recipe, here)
    decide(of, simulate=simulate)
    assert simulate.asked == []
    assert of.sections == []


def test_without_an_answer_the_arithmetic_stands() -> None:
    of = gathered()
    before = found(of)
    decide(of, simulate=Saying(NotSimulated(reason="the simulation took longer than 60 seconds")))
    assert found(of) == before
    assert of.sections == []


def test_what_a_rehearsal_simulated_is_not_simulated_again() -> None:
    of = gathered()
    decide(of, simulate=taking(GIB))
    again = taking(GIB)
    decide(of, simulate=again)
    assert again.asked == []
    assert sum(isinstance(subject, Needed) for subject in of.subjects) == 1


@pytest.mark.slow
@pytest.mark.skipif(not child.can_simulate(), reason="needs the training extra")
def test_a_real_simulation_decides() -> None:
    of = gathered()
    decide(of)
    (answer,) = (subject for subject in of.subjects if isinstance(subject, Needed))
    assert answer.exact
    # PEFT adapts q_proj and v_proj: 24 layers, rank 16, 896 + 896 and 896 + 128 wide.
    assert answer.trainable == 24 * 16 * (2 * 896 + 896 + 128)
    assert of.sections
