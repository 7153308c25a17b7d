"""`tunewell plan` on the shipped sample."""

from __future__ import annotations

from pathlib import Path

from tunewell.api.plan import _standard_values, plan
from tunewell.api.workspace import open_workspace
from tunewell.core.finding import Table
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Adapter, Recipe

SAMPLE = Path(__file__).parents[2] / "examples" / "banking77"
GIB = 1024**3


def test_the_newcomers_recipe_is_held_against_standard_values() -> None:
    """Its planted rate is found, and memory is planned by kind."""
    machine = Machine(cores=2, memory_bytes=16 * GIB, disk_free_bytes=100 * GIB)
    document = plan(open_workspace(SAMPLE), machine=machine)
    assert {f.name for f in document.findings} == {"learning-rate-outside-range"}
    memory = document.facts["memory"]
    assert memory["verdict"] == "fits"
    assert sum(memory["by_kind"].values()) == memory["total"]
    assert memory["low"] < memory["total"] < memory["high"]
    assert document.facts["steps"]["optimizer_steps"] == 150
    assert [section.id for section in document.sections] == ["standard-values", "memory", "steps"]


def test_a_gpu_gets_a_range_of_time_and_a_small_machine_a_no() -> None:
    """A known GPU has a speed; 0.2 GiB hold no states."""
    gpu = Machine(8, 64 * GIB, 100 * GIB, gpu_name="Tesla T4", gpu_bytes=15 * GIB)
    steps = plan(open_workspace(SAMPLE), machine=gpu).facts["steps"]
    assert 0 < steps["seconds_low"] < steps["seconds_high"]
    tiny = Machine(1, GIB // 5, 100 * GIB)
    document = plan(open_workspace(SAMPLE), machine=tiny)
    assert document.facts["memory"]["verdict"] == "does-not-fit"
    assert document.verdict.startswith("It does not fit")


def test_data_and_model_may_be_missing(tmp_path: Path) -> None:
    """An empty folder still shows the standard values."""
    workspace = open_workspace(tmp_path, require_data=False, require_model=False)
    document = plan(workspace, machine=Machine(1, GIB, GIB))
    assert [section.id for section in document.sections] == ["standard-values"]
    assert "memory was not planned" in document.verdict


def test_other_tasks_have_their_standard_values() -> None:
    """Beside what the recipe says, also where it keeps a setting elsewhere."""
    recipe = Recipe(
        task="sft", method="lora", model="google/gemma-2-9b", adapter=Adapter(r=4), format="trl"
    )
    table = _standard_values(recipe, None).evidence[0]
    assert isinstance(table, Table)
    rows = {row[0]: row for row in table.rows}
    assert rows["lora_r"][1] == 4
    assert rows["learning_rate"][3] == "2e-05 to 0.0002"  # what is published for Gemma
    for task in ("dpo", "kto", "grpo", "reward", "token-classification"):
        assert _standard_values(Recipe(task=task), None).evidence, task
