"""Every measured step of the T4 can be said by flags, in the words of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tunewell.api.planning.flags import Flags
from tunewell.api.planning.lengths import length_of
from tunewell.api.planning.memory import described
from tunewell.api.planning.opened import Call, open_plan
from tunewell.plan.step import Step
from tunewell.plan.step_of import Described

DATA = Path(__file__).parents[3] / "benchmarks" / "data" / "t4_measured.json"
MEASURED = json.loads(DATA.read_text())

PINNED = {"attention_kernel", "device", "labels"}
"""What no flag says: the harness pinned the kernel that --attention sdpa takes on a T4 anyway, and
the classes are those of config.json."""


def as_flags(model: Path, step: dict[str, Any]) -> Flags:
    """The settings of a measured row, as one would type them."""
    adapter = step.get("adapter")
    autocast = step.get("autocast")
    task = step.get("task", "causal-lm")
    return Flags(
        model=str(model),
        method="qlora" if "quantization" in step else "lora" if adapter else "full",
        lora_rank=adapter["rank"] if adapter else None,
        lora_targets=",".join(adapter["targets"]) if adapter else None,
        batch=step["batch"],
        seq=step["length"],
        precision=autocast or step["weights"],
        autocast=autocast is not None,
        attention=step.get("attention", "sdpa"),
        checkpointing=step.get("checkpointing", False),
        optimizer="adamw",
        loop="plain" if autocast else None,
        task="sft" if task == "causal-lm" else task,
        gpu="T4",
    )


@pytest.mark.parametrize("row", MEASURED["rows"], ids=lambda row: row["name"])
def test_a_measured_step_is_the_one_that_its_flags_describe(
    row: dict[str, Any], tmp_path: Path
) -> None:
    config = MEASURED["models"][row["model"]]["config"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    opened = open_plan(Call(flags=as_flags(tmp_path / "config.json", row["step"])))
    found = described(opened, length_of(opened.recipe, opened.checkpoint, opened.tokenization))
    assert isinstance(found, Described)
    measured = msgspec.convert({"config": config, **row["step"]}, Step)
    for name in set(Step.__struct_fields__) - PINNED:
        assert getattr(found.step, name) == getattr(measured, name), name
    assert found.step.device.capability == measured.device.capability
    # PyTorch 2.14 ran there, whose memory-efficient attention takes grouped heads.
    assert found.step.device.torch == "2.14"
