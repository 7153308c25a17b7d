"""A plan on several GPUs: which way counts, what each costs, and what `--fit` writes."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.api.planning.simulations import LORA, QWEN

from tunewell.api.plan import Call, Planned, plan
from tunewell.api.planning.flags import Flags
from tunewell.core.finding import Table
from tunewell.knowledge import gpus
from tunewell.plan.sharding import NCCL_BYTES, NCCL_PAIR_BYTES
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Sharding, Step
from tunewell.subjects.machine import Machine

GIB = 1024**3
LAPTOP = Machine(cores=2, memory_bytes=16 * GIB, disk_free_bytes=100 * GIB)
PARTS = {"ddp": 0.0, "zero1": 0.3, "zero2": 0.5, "zero3": 0.9, "fsdp": 0.9}
"""Shares of the memory of this file's step that a way divides."""

TRL = """\
model_name_or_path: Qwen/Qwen2.5-7B
dataset_name: trl-lib/Capybara
learning_rate: 1.0e-5
per_device_train_batch_size: 1
max_length: 2048
bf16: true
dtype: bfloat16
"""


class Dividing:
    """A step of so many GiB on one GPU, of which each way divides its part."""

    def __init__(self, gib: float, *, fails: frozenset[str] = frozenset()) -> None:
        self.gib = gib
        self.fails = fails
        self.asked: list[Sharding | None] = []

    def __call__(self, steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
        """One answer a step."""
        for step in steps:
            self.asked.append(step.sharding)
            yield self.one(step.sharding)

    def one(self, way: Sharding | None) -> Simulated | NotSimulated:
        """The answer for one way."""
        if way is not None and way.strategy in self.fails:
            return NotSimulated(reason="not known")
        share = PARTS[way.strategy] if way is not None else 0.0
        shards = way.shards if way is not None else 1
        here = int(self.gib * GIB * (1 - share + share / shards))
        away = way is not None and way.offload != "none"
        return msgspec.structs.replace(
            QWEN,
            peak_allocated=here // (2 if away else 1),
            peak_reserved=here // (2 if away else 1),
            smallest_capacity=here // (2 if away else 1),
            host_bytes=here // 2 if away else 0,
            crossing_bytes=here // 2 if away else 0,
            moved_bytes=0 if way is None else int((way.ranks - 1) * GIB * (1 + share)),
        )


def planned(
    simulate: Dividing, call: Call | None = None, *, gpus: int | None = 4, most: int | None = None
) -> Planned:
    return plan(
        call or Call(flags=dataclasses.replace(LORA, gpu="A100-80GB", gpus=gpus)),
        machine=LAPTOP,
        simulate=simulate,
        most=most,
        today=dt.date(2026, 11, 27),
    )


def recipe(folder: Path, more: str = "") -> Call:
    file = folder / "sft.yaml"
    file.write_text(TRL + more)
    return Call((file,), flags=Flags(gpu="A100-80GB", gpus=4))


def test_without_a_named_way_the_cheapest_that_fits_counts() -> None:
    """Data parallel and ZeRO 1 do not fit; of the others ZeRO 2 exchanges least."""
    simulate = Dividing(110)
    found = planned(simulate, most=6).document
    rows = {row["strategy"]: row for row in found.facts["sharding"]}
    assert list(rows) == ["ddp", "zero1", "zero2", "fsdp", "zero3"]
    assert [r["strategy"] for r in rows.values() if r["chosen"]] == ["zero2"]
    assert [r["verdict"] for r in rows.values()][:3] == ["does-not-fit", "does-not-fit", "fits"]
    memory = found.facts["memory"]
    assert memory["verdict"] == "fits"
    context = gpus.resolve("A100-80GB").gpu.context_bytes
    assert memory["process_bytes"] == rows["zero2"]["process_bytes"]
    assert memory["process_bytes"] == memory["peak_reserved_bytes"] + context + NCCL_BYTES
    assert "issues/964" in rows["zero2"]["nccl_source"]
    assert found.verdict.startswith("By zero2 on 4 GPUs it fits in A100")
    assert "the recipe names none" in found.sections[0].text
    section = next(s for s in found.sections if s.id == "sharding")
    assert "688 MiB" in section.text
    table = section.evidence[0]
    assert isinstance(table, Table)
    assert table.columns[0] == "shared out by"


def test_the_step_takes_longer_by_what_is_exchanged() -> None:
    found = planned(Dividing(20)).document
    alone = planned(Dividing(20), gpus=1).document
    there = {row["strategy"]: row["step_seconds"]["value"] for row in found.facts["sharding"]}
    took = alone.facts["time"]["step_seconds"]["value"]
    assert took < there["ddp"] < there["zero3"]
    assert found.facts["time"]["step_seconds"]["value"] == there["ddp"]
    assert "NVLink" in found.facts["time"]["basis"]


def test_the_way_that_the_recipe_names_counts(tmp_path: Path) -> None:
    """Also where another one would fit, and then the others are told."""
    call = recipe(tmp_path, "deepspeed: ds.json\n")
    (tmp_path / "ds.json").write_text(
        '{"zero_optimization": {"stage": 1, "overlap_comm": true, "reduce_bucket_size": "auto"}}'
    )
    simulate = Dividing(150)
    found = planned(simulate, call, most=2)
    assert simulate.asked[0] == Sharding(
        "zero1", 4, overlap=True, prefetch_bucket=50_000_000, persistence=100_000
    )
    document = found.document
    assert document.facts["memory"]["verdict"] == "does-not-fit"
    assert "which the recipe names" in document.sections[0].text
    assert document.verdict.startswith("By zero1 on 4 GPUs it does not fit")
    assert "HW001" in {finding.code for finding in document.findings}
    best = next(s for s in document.sections if s.id == "sharding")
    assert best.text.startswith("fsdp on 4 x A100-SXM4-80GB holds it")


def test_nothing_but_the_named_way_is_simulated_where_nothing_is_sought(tmp_path: Path) -> None:
    call = recipe(tmp_path, "fsdp: full_shard\n")
    simulate = Dividing(150)
    assert planned(simulate, call, most=0).document.facts["memory"]["verdict"] == "fits"
    assert simulate.asked == [Sharding("fsdp", 4)]
    simulate = Dividing(110)
    planned(simulate, most=0)
    assert [way.strategy for way in simulate.asked if way] == ["ddp", "zero1", "zero2"]


def test_a_named_way_that_is_not_simulated_is_said(tmp_path: Path) -> None:
    """The memory is then that of one GPU, and no finding is made of it."""
    call = recipe(tmp_path, "fsdp: shard_grad_op\n")
    found = planned(Dividing(150), call, most=0).document
    assumed = next(s for s in found.sections if s.id == "assumed")
    assert "keeps the gathered weights" in assumed.text
    assert "HW001" not in {finding.code for finding in found.findings}


def test_offloading_is_looked_at_where_nothing_else_fits() -> None:
    found = planned(Dividing(400), most=1).document
    rows = [row for row in found.facts["sharding"] if row["offload"] != "none"]
    assert {row["strategy"] for row in rows} == {"zero2", "zero3", "fsdp"}
    assert all(row["host_bytes"] and row["step_seconds"] is None for row in rows)


def test_one_gpu_that_is_too_small_is_told_the_fewest_that_are_enough() -> None:
    """None is looked at where the search is left out, and few simulations are made of it."""
    simulate = Dividing(120)
    found = planned(simulate, gpus=1, most=2)
    rows = {row["strategy"]: row["gpus"] for row in found.document.facts["sharding"]}
    assert rows == {"fsdp": 2, "zero3": 2, "zero2": 4}
    assert sum(way is not None for way in simulate.asked) <= 9
    assert found.document.facts["sharding"][0]["nccl_bytes"] == NCCL_PAIR_BYTES
    assert found.document.facts["memory"]["verdict"] == "does-not-fit"
    assert "sharding" not in planned(Dividing(120), gpus=1, most=0).document.facts


def test_nothing_divides_what_each_gpu_holds_itself() -> None:
    found = planned(Dividing(2000), gpus=1, most=1).document
    section = next(s for s in found.sections if s.id == "sharding")
    assert "up to 8 x A100-SXM4-80GB does not make it fit" in section.text


@pytest.mark.parametrize(
    ("gib", "name", "text"),
    [
        (20, "accelerate.yaml", "MULTI_GPU"),
        (110, "deepspeed.json", '"stage": 2'),
        (150, "fsdp", "fsdp"),
    ],
)
def test_fit_writes_the_files_of_the_way_that_counts(
    tmp_path: Path, gib: int, name: str, text: str
) -> None:
    found = planned(Dividing(gib), recipe(tmp_path), most=1)
    assert found.fitted is not None
    file = next(file for file in found.fitted.launch if name in file.name)
    assert text in file.text
    assert "4 x A100" in found.fitted.title


def test_a_way_that_the_recipe_names_and_that_fits_needs_no_files(tmp_path: Path) -> None:
    found = planned(Dividing(150), recipe(tmp_path, "fsdp: full_shard\n"), most=0)
    assert found.fitted is None
    assert "fits" in found.why_not


def test_a_step_that_no_way_of_can_be_simulated_is_that_of_one_gpu() -> None:
    found = planned(Dividing(20, fails=frozenset(PARTS)), most=1).document
    assert found.facts["memory"]["verdict"] == "fits"
    assert "sharding" not in found.facts
