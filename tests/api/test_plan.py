"""`tunewell plan`: on the shipped sample, on a known model, on a configuration, on a trainer."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.api.planning.simulations import CALL, LORA, QWEN, recorded, refused, scaled

from tunewell.api.plan import Call, Planned, plan
from tunewell.api.planning.flags import Flags
from tunewell.api.planning.standard import standard_values
from tunewell.core.document import Document
from tunewell.core.errors import InputError, SettingsError
from tunewell.core.finding import Bars, Confidence, Layers, Severity, Table
from tunewell.core.progress import Progress, Silent
from tunewell.knowledge import gpus
from tunewell.plan.session import Stream as Simulate
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Adapter, Recipe

SAMPLE = Path(__file__).parents[2] / "examples" / "banking77"
GIB = 1024**3
LAPTOP = Machine(cores=2, memory_bytes=16 * GIB, disk_free_bytes=100 * GIB)
DAY = dt.date(2026, 11, 27)

SFT = """\
model_name_or_path: Qwen/Qwen2.5-7B
dataset_name: trl-lib/Capybara
learning_rate: 2.0e-4
per_device_train_batch_size: 4
gradient_accumulation_steps: 2
max_length: 2048
gradient_checkpointing: false
bf16: true
dtype: bfloat16
use_peft: true
lora_r: 16
lora_target_modules: [q_proj, v_proj]
"""


def flags(**changes: str | float | None) -> Flags:
    """The flags of the recording, some of them changed."""
    return dataclasses.replace(LORA, **changes)  # type: ignore[arg-type]  # as the test says


def planned(
    call: Call = CALL,
    *,
    simulate: Simulate | None = recorded,
    machine: Machine = LAPTOP,
    most: int | None = 0,
    prices: Path | None = None,
    progress: Progress | None = None,
) -> Planned:
    """A plan on one day, with the recording for a simulation."""
    return plan(
        call,
        simulate=simulate,
        machine=machine,
        most=most,
        prices=prices,
        today=DAY,
        progress=progress,
    )


def document(
    call: Call = CALL,
    *,
    simulate: Simulate | None = recorded,
    machine: Machine = LAPTOP,
    most: int | None = 0,
    prices: Path | None = None,
    progress: Progress | None = None,
) -> Document:
    """The document of such a plan."""
    return planned(
        call, simulate=simulate, machine=machine, most=most, prices=prices, progress=progress
    ).document


def always(found: Simulated) -> Simulate:
    """One answer, whatever the step."""
    return lambda steps: (found for _ in steps)


def ids(found: Document) -> list[str]:
    return [section.id for section in found.sections]


def assumed(found: Document) -> str:
    return next((s.text for s in found.sections if s.id == "assumed"), "")


def test_the_newcomers_recipe_is_held_against_standard_values() -> None:
    """Its planted rate is found, and the formula plans its memory by kind."""
    found = document(Call((SAMPLE,)), simulate=None)
    assert {f.name for f in found.findings} == {"learning-rate-outside-range"}
    memory = found.facts["memory"]
    assert memory["verdict"] == "fits"
    assert memory["method"] == "formula"
    assert sum(memory["by_kind"].values()) == memory["peak_allocated_bytes"]
    assert memory["uncertainty"]["low"] < memory["process_bytes"] < memory["uncertainty"]["high"]
    assert found.facts["steps"]["optimizer_steps"] == 150
    assert ids(found) == ["memory", "steps", "assumed", "standard-values"]
    assert "Without --no-simulate" in found.sections[0].text


def test_a_gpu_gets_a_range_of_time_and_a_small_machine_a_no() -> None:
    """A known GPU has a speed; 0.2 GiB hold no states."""
    gpu = Machine(8, 64 * GIB, 100 * GIB, gpu_name="Tesla T4", gpu_bytes=15 * GIB)
    found = document(Call((SAMPLE,)), machine=gpu, simulate=None)
    time = found.facts["time"]
    assert 0 < time["low"] < time["value"] < time["high"]
    assert time["of"] == "run"
    tiny = Machine(1, GIB // 5, 100 * GIB)
    found = document(Call((SAMPLE,)), machine=tiny, simulate=None)
    assert found.facts["memory"]["verdict"] == "does-not-fit"
    assert found.verdict.startswith("It does not fit in main memory")


def test_data_and_model_may_be_missing(tmp_path: Path) -> None:
    """An empty folder still shows the standard values."""
    found = document(Call((tmp_path,)))
    assert ids(found) == ["standard-values"]
    assert "memory was not planned" in found.verdict


def test_a_known_name_alone_is_planned() -> None:
    """No data, no weights, no GPU in the machine: the facts are those of the simulation."""
    found = document()
    memory = found.facts["memory"]
    assert memory["peak_allocated_bytes"] == scaled(1, 1).peak_allocated
    l4 = gpus.resolve("L4").gpu
    assert memory["process_bytes"] == memory["peak_reserved_bytes"] + l4.context_bytes
    assert memory["available_bytes"] == l4.memory_bytes
    assert memory["verdict"] == "does-not-fit"
    assert memory["where"] == "L4"
    assert memory["method"] == "simulated"
    assert memory["trainable"] == QWEN.trainable
    assert ids(found) == ["memory", "timeline", "time", "price", "standard-values"]
    bars, holders = found.sections[0].evidence
    assert isinstance(bars, Bars)
    assert [row.name for row in bars.rows] == ["load", "forward", "backward", "optimizer"]
    assert bars.limits[0].name == "L4"
    assert isinstance(holders, Table)
    layers = found.sections[1].evidence[0]
    assert isinstance(layers, Layers)
    assert layers.parts == bars.parts
    assert max(map(sum, layers.values)) <= memory["peak_allocated_bytes"] / GIB + 0.001


def test_the_finding_and_the_plan_say_the_same() -> None:
    """HW001 has the plan's own numbers, and is sure only beyond the range of error."""
    found = document()
    finding = next(f for f in found.findings if f.code == "HW001")
    smallest = found.facts["memory"]["smallest_capacity_bytes"]
    assert f"at least {smallest / GIB:,.1f} GiB" in finding.message
    assert finding.severity is Severity.ERROR
    assert finding.confidence is Confidence.HIGH
    close = document(simulate=always(scaled(0.1, 0.3))).findings[0]
    assert close.confidence is Confidence.MEDIUM  # 22.6 GiB of 22.0 are within the error
    assert not document(simulate=always(scaled(0.095, 0.2))).findings


def test_tight_says_what_to_set() -> None:
    """Between the least capacity and what the allocator takes."""
    base = document(simulate=always(scaled(0.095, 0.2))).facts["memory"]
    room = base["available_bytes"] - (base["process_bytes"] - base["peak_reserved_bytes"])
    close = msgspec.structs.replace(
        scaled(0.095, 0.2), peak_reserved=room + GIB, smallest_capacity=room - GIB
    )
    found = planned(simulate=always(close))
    assert found.document.facts["memory"]["verdict"] == "tight"
    assert "expandable_segments:True" in found.document.verdict
    finding = next(f for f in found.document.findings if f.code == "HW001")
    assert finding.severity is Severity.WARNING
    assert found.fitted is not None
    assert "expandable_segments" in found.fitted.title


def test_a_fit_within_the_error_is_called_that() -> None:
    base = document(simulate=always(scaled(0.095, 0.2))).facts["memory"]
    room = base["available_bytes"] - (base["process_bytes"] - base["peak_reserved_bytes"])
    close = msgspec.structs.replace(
        scaled(0.095, 0.2), peak_reserved=room - GIB // 2, smallest_capacity=room - GIB
    )
    found = document(simulate=always(close))
    assert found.facts["memory"]["verdict"] == "fits"
    assert "within the error" in found.verdict


def test_without_a_gpu_nothing_is_held_against_main_memory_of_this_machine() -> None:
    """A model's name says nothing of where it will be trained."""
    found = document(Call(flags=flags(gpu=None)))
    assert found.facts["memory"]["verdict"] is None
    assert "--gpu" in found.verdict
    assert "HW001" not in {f.code for f in found.findings}
    assert "time" not in found.facts


def test_what_to_change_is_ranked_and_the_first_change_fits() -> None:
    found = planned(most=12)
    changes = found.document.facts["changes"]
    assert changes[0]["verdict"] == "fits"
    assert changes[0]["process_bytes"] <= found.document.facts["memory"]["available_bytes"]
    assert all(change["quality"] and change["speed"] for change in changes)
    section = next(s for s in found.document.sections if s.id == "changes")
    table = section.evidence[0]
    assert isinstance(table, Table)
    assert table.columns == ("change", "GiB", "saved", "time, %", "then it")
    assert changes[0]["title"] in found.document.verdict
    assert found.fitted is not None
    assert found.fitted.changed == ()  # flags alone have no file to change


def test_nothing_is_sought_where_it_fits_unless_it_is_asked_for() -> None:
    asked: list[Step] = []

    def small(steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
        for step in steps:
            asked.append(step)
            yield scaled(0.095, 0.2)

    found = document(simulate=small, most=None)
    assert "changes" not in found.facts
    assert len(asked) == 1
    document(simulate=small, most=4)
    assert 1 < len(asked) <= 6


def test_a_configuration_with_flags_over_it_and_files_beside_it(tmp_path: Path) -> None:
    """The changed copy differs where the change is, and the original stays as it was."""
    file = tmp_path / "sft.yaml"
    file.write_text(SFT)
    found = planned(Call((file,), flags=Flags(gpu="L4", rows=1000)), most=24)
    assert found.document.facts["memory"]["verdict"] == "does-not-fit"
    assert found.document.facts["time"]["steps"] == 375
    assert found.fitted is not None
    assert "+" in found.fitted.diff
    lines = found.fitted.write()
    assert file.read_text() == SFT
    written = {path.name for path in tmp_path.iterdir()}
    assert {"sft.fixed.yaml", "sft.fixed.diff", "launch.sh"} <= written
    assert any("launch.sh" in line for line in lines)
    changed = (tmp_path / "sft.fixed.yaml").read_text()
    assert changed != SFT
    again = document(Call((tmp_path / "sft.fixed.yaml",), flags=Flags(gpu="L4")))
    assert again.facts["memory"]["verdict"] == "fits"


@pytest.mark.parametrize("name", ["config.json", "other.json"])
def test_a_config_json_alone_is_enough(tmp_path: Path, name: str) -> None:
    from tunewell.knowledge import models

    known = models.find("Qwen2.5-7B")
    assert known is not None
    (tmp_path / name).write_text(json.dumps(known.config))
    model = str(tmp_path) if name == "config.json" else str(tmp_path / name)
    asked: list[Step] = []

    def remembered(steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
        for step in steps:
            asked.append(step)
            yield QWEN

    found = document(Call(flags=flags(model=model)), simulate=remembered)
    assert found.facts["memory"]["method"] == "simulated"
    step = asked[0]
    assert step.config["hidden_size"] == 3584
    assert (step.batch, step.length, step.weights, step.autocast) == (4, 2048, "bf16", "bf16")
    assert step.adapter is not None
    assert step.adapter.targets == ("q_proj", "v_proj")
    assert step.device.capability == 89


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"model_type": "llama"}', "does not say hidden_size and num_hidden_layers"),
        ('{"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}', "model_type"),
        ("not json", "is not JSON"),
        ("[1]", "is not the config.json of a model"),
    ],
)
def test_a_config_that_does_not_say_its_sizes_is_refused(
    tmp_path: Path, content: str, told: str
) -> None:
    """Transformers would fill in those of another model, without a word."""
    path = tmp_path / "m.json"
    path.write_text(content)
    with pytest.raises(InputError, match=told):
        document(Call(flags=Flags(model=str(path))))


def test_unknown_names_are_refused_with_names_alike() -> None:
    with pytest.raises(InputError, match=r"alike: Qwen/Qwen2\.5-7B"):
        document(Call(flags=Flags(model="Qwen/Qwen2.5-8B")))
    with pytest.raises(SettingsError, match="no GPU is known as 'X9000'"):
        document(Call(flags=flags(gpu="X9000")))


def test_a_step_that_cannot_be_simulated_gets_the_formula_and_the_reason() -> None:
    found = document(simulate=refused)
    assert found.facts["memory"]["method"] == "formula"
    assert "made by code of its own" in assumed(found)
    assert "made by code of its own" in found.sections[0].text
    other = flags(task="seq2seq", model="t5-base", method=None, lora_rank=None, lora_targets=None)
    found = document(Call(flags=other), simulate=refused)
    assert found.facts["memory"]["method"] == "formula"


def test_the_first_answer_comes_before_the_simulation() -> None:
    told: list[str] = []

    class Remembers(Silent):
        def note(self, text: str) -> None:
            told.append(text)

    def late(steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
        for _ in steps:
            assert told
            yield QWEN

    document(simulate=late, progress=Remembers())
    assert "by the formula" in told[0]


def test_time_and_price_have_ranges_and_days() -> None:
    found = document(Call(flags=flags(rows=1000, epochs=1, gpu="H100")))
    time, cost = found.facts["time"], found.facts["cost"]
    assert time["low"] < time["value"] < time["high"]
    assert time["steps"] == 250
    assert time["value"] == pytest.approx(250 * time["step_seconds"]["value"])
    assert 0 < cost["low"] < cost["value"] < cost["high"]
    assert cost["gpu"] == "H100 80GB HBM3"
    assert "an hour on 202" in cost["basis"]
    price = next(s for s in found.sections if s.id == "price")
    assert "Left out: storage" in price.text


def test_tokens_make_rows_and_the_users_own_prices_count(tmp_path: Path) -> None:
    prices = tmp_path / "ours.csv"
    prices.write_text("gpu,provider,on_demand,spot,date\nH100,our cluster,2.00,,2026-11-01\n")
    call = Call(flags=flags(tokens=2048 * 1000, epochs=1, gpu="H100"))
    found = document(call, prices=prices)
    assert found.facts["time"]["rows"] == 1000
    cost, time = found.facts["cost"], found.facts["time"]
    assert cost["value"] == pytest.approx(time["value"] / 3600 * 2.0)
    assert "our cluster" in cost["basis"]
    with pytest.raises(SettingsError, match="prices cannot be read"):
        document(call, prices=tmp_path / "none.csv")


def test_other_tasks_have_their_standard_values() -> None:
    """Beside what the recipe says, also where it keeps a setting elsewhere."""
    recipe = Recipe(
        task="sft", method="lora", model="google/gemma-2-9b", adapter=Adapter(r=4), format="trl"
    )
    table = standard_values(recipe, None).evidence[0]
    assert isinstance(table, Table)
    rows = {row[0]: row for row in table.rows}
    assert rows["lora_r"][1] == 4
    assert rows["learning_rate"][3] == "2e-05 to 0.0002"  # what is published for Gemma
    for task in ("dpo", "kto", "grpo", "reward", "token-classification"):
        assert standard_values(Recipe(task=task), None).evidence, task


def test_defaults_that_nobody_wrote_are_no_findings() -> None:
    """DPO at the Trainer's own rate would be: but only flags were given."""
    other = flags(task="dpo", method="full", lora_rank=None, lora_targets=None, gpu="B200")
    found = document(Call(flags=other))
    assert not [f for f in found.findings if f.family == "hyperparameters"]
    assert "published recipes" not in found.verdict


def test_a_project_keeps_its_own_machine_where_nothing_is_named(tmp_path: Path) -> None:
    """Tunewell trains where it is called: main memory counts."""
    shutil.copytree(SAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("tunewell-runs"))
    found = document(Call((tmp_path / "project",)), simulate=always(scaled(0.01, 0.01)))
    assert found.facts["memory"]["where"] == "main memory"
    assert (
        found.facts["memory"]["peak_reserved_bytes"]
        == (found.facts["memory"]["peak_allocated_bytes"])
    )


@pytest.mark.slow
def test_a_real_simulation_of_a_small_model_and_a_trainer_agree(tmp_path: Path) -> None:
    """The same bert by flags and as a trainer that stands, which also counts its targets."""
    import torch
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        Trainer,
        TrainingArguments,
    )

    import tunewell

    config = AutoConfig.for_model(
        "bert", hidden_size=64, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128,
        vocab_size=500,
    )  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_config(config)
    row = {"input_ids": [1] * 40, "attention_mask": [1] * 40, "labels": 0}
    rows = [row for _ in range(64)]
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            str(tmp_path), per_device_train_batch_size=16, use_cpu=True, report_to="none"
        ),
        train_dataset=rows,
    )
    live = tunewell.plan(trainer, gpu="T4")
    (tmp_path / "m.json").write_text(json.dumps(config.to_dict(), default=str))
    by_flags = tunewell.plan(
        model=str(tmp_path / "m.json"), batch=16, seq=40, gpu="T4", task="text-classification",
        precision="fp32",
    )  # fmt: skip
    for key in ("process_bytes", "verdict", "parameters", "trainable"):
        assert live.facts["memory"][key] == by_flags.facts["memory"][key], key
    counted = live.facts["memory"]["peak_allocated_bytes"] - 512
    assert counted == by_flags.facts["memory"]["peak_allocated_bytes"]
    told = next(section for section in live.sections if section.id == "memory")
    assert "the step of your Trainer itself, with your BertForSequenceClassification" in told.text
    assert "(input_ids of 16 x 40)" in told.text
    assert live.facts["memory"]["method"] == "simulated"
    assert live.facts["time"]["rows"] == 64
    with pytest.raises(InputError, match="one Hugging Face trainer"):
        tunewell.plan(object())
