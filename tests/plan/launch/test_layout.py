"""A layout says what it is, and refuses what cannot be."""

import dataclasses

import pytest

from tunewell.core.errors import UserError
from tunewell.plan.launch import Layout

BASE = Layout(command=("train.py",), gpu="H100", gpus=8, nodes=2, strategy="fsdp")


def test_processes_are_the_gpus_of_all_machines() -> None:
    assert BASE.processes == 16
    assert BASE.words == "2 machines with 8 x H100 each"
    assert dataclasses.replace(BASE, nodes=1, gpu=None).words == "8 x GPU"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"strategy": "single"}, "one process uses one GPU"),
        ({"strategy": "ddp", "gpus": 1, "nodes": 1}, "more than one GPU"),
        ({"strategy": "fsdp-hybrid", "nodes": 1}, "between machines"),
        ({"strategy": "ddp", "offload": "optimizer"}, "only ZeRO and FSDP"),
        ({"strategy": "fsdp", "offload": "optimizer"}, "use 'parameters'"),
        ({"strategy": "zero2", "offload": "parameters"}, "ZeRO 3 alone"),
        ({"gpus": 0}, "at least one GPU"),
        ({"command": ()}, "no script"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        dataclasses.replace(BASE, **changes)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("strategy", ["zero1", "zero2", "zero3"])
def test_zero_has_a_stage_and_one_gpu_can_offload(strategy: str) -> None:
    alone = Layout(command=("t.py",), strategy=strategy, offload="optimizer")  # type: ignore[arg-type]  # one of them
    assert alone.stage == int(strategy[-1])
