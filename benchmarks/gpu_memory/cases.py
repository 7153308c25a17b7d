"""What the measured configurations are written with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import architectures as shapes
import msgspec

from tunewell.core.finding import Record
from tunewell.plan.step import Device, LowRank, Step

HOPPER = Device(capability=90)
ALL_LINEAR = ("all-linear",)
ATTENTION_ONLY = ("q_proj", "v_proj")


class Configuration(Record, frozen=True):
    """A named step.

    One that is `held_out` is not looked at while the simulation is tuned. `history` asks for every
    event of PyTorch's allocator as well.
    """

    name: str
    step: Step
    held_out: bool = False
    history: bool = False


def case(
    name: str,
    config: shapes.Config,
    *,
    held_out: bool = False,
    history: bool = False,
    **step: Any,  # noqa: ANN401 - the fields of Step
) -> Configuration:
    """A configuration: `step` are the fields of `Step`; the device is a Hopper GPU."""
    return Configuration(
        name=name,
        step=Step(config=config, device=HOPPER, **step),
        held_out=held_out,
        history=history,
    )


def read(path: Path) -> list[tuple[Configuration, int]]:
    """The steps of a file of `tight.py`, each with its capacity in bytes."""
    return [
        (
            Configuration(name=each["name"], step=msgspec.convert(each["step"], Step)),
            each["capacity"],
        )
        for each in json.loads(path.read_text())
    ]


def lora(
    rank: int,
    *targets: str,
    dropout: float = 0.0,
    dora: bool = False,
    modules_to_save: tuple[str, ...] = (),
) -> LowRank:
    """An adapter; with no targets PEFT chooses them."""
    return LowRank(
        rank=rank,
        targets=targets or None,
        dropout=dropout,
        dora=dora,
        modules_to_save=modules_to_save,
    )


FULL_BF16: dict[str, Any] = {"weights": "bf16"}
AMP_BF16: dict[str, Any] = {"autocast": "bf16"}
AMP_FP16: dict[str, Any] = {"autocast": "fp16"}
CLASSIFY: dict[str, Any] = {"task": "text-classification"}
IMAGES: dict[str, Any] = {"task": "image-classification"}
CONVOLUTIONS: dict[str, Any] = {**IMAGES, "attention": "eager"}  # these models know no other
CKPT: dict[str, Any] = {"checkpointing": True}
CKPT_REENTRANT: dict[str, Any] = {"checkpointing": True, "reentrant": True}
NF4: dict[str, Any] = {"weights": "bf16", "quantization": "nf4"}
NF4_DOUBLE: dict[str, Any] = {**NF4, "double_quantization": True}
INT8: dict[str, Any] = {"weights": "fp16", "quantization": "int8"}
FUSED: dict[str, Any] = {"optimizer": "adamw_torch_fused"}
LORA16: dict[str, Any] = {"adapter": lora(16, *ALL_LINEAR)}
LORA8_QV: dict[str, Any] = {"adapter": lora(8, *ATTENTION_ONLY, dropout=0.05)}
