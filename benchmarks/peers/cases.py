"""Measured steps, from the archives and from our own runs, and what every tool is asked of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tunewell.plan.memory import ModelSize
from tunewell.plan.step import Step
from tunewell.simulate.models import build
from tunewell.subjects.checkpoint import Checkpoint

DATA = Path(__file__).parent.parent / "data"
T4 = DATA / "t4_measured.json"
PUBLISHED = DATA / "public_measured.json"
GIB = 1024**3
OVER_WORDS = {"causal-lm", "masked-lm", "seq2seq-lm", "speech-seq2seq", "dpo"}
"""Tasks whose logits are over a vocabulary."""


@dataclass(frozen=True)
class Model:
    """Shapes of a model's weights, made on the meta device from its config.json.

    `kind` is the class's name. `size` has no width for a model without tokens.
    """

    kind: str
    tensors: dict[str, tuple[int, ...]]
    size: ModelSize
    largest_layer: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured of a step.

    `card` is the card's name and bytes. `measured` has the outcome ("completed" or "oom") and what
    was measured, in bytes: allocated, reserved, process. `role` is what the source says of the row.
    `stands_in` says how the step differs from what was measured, where it does.
    """

    name: str
    source: str
    card: dict[str, Any]
    measured: dict[str, Any]
    role: str = "measured"
    stands_in: str | None = None

    @property
    def completed(self) -> bool:
        """Whether the run did not run out of memory."""
        return bool(self.measured["outcome"] == "completed")


@dataclass(frozen=True, kw_only=True)
class Measured(Row):
    """A measured step with what it was: `model` is a name on the hub, or as near to one as is."""

    model: str
    step: Step


def archive(path: Path) -> list[Measured]:
    """The rows of a file in benchmarks/data. A row's `differs` may be its source's."""
    document = json.loads(path.read_text())
    sources = document["sources"]
    return [
        Measured(
            name=row["name"],
            model=row["model"],
            step=msgspec.convert(
                {"config": document["models"][row["model"]]["config"], **row["step"]}, Step
            ),
            card=row.get("card") or document["card"],
            measured=row["measured"],
            source=row["source"],
            role=row.get("role", "measured"),
            stands_in=row.get("stands_in") or sources[row["source"]].get("differs"),
        )
        for row in document["rows"]
    ]


def our_own(path: Path) -> list[Measured]:
    """The steps of a file that benchmarks/gpu_memory/measure.py wrote: one JSON object a line.

    The model's name is made so that no tool takes it for one in its own table.
    """
    records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    found = next(record for record in records if record["kind"] == "card")
    card = {"name": found["name"], "bytes": found["total_bytes"]}
    return [
        Measured(
            name=record["name"],
            model=f"measured/{record['name']}",
            step=msgspec.convert(record["step"], Step),
            card=card,
            measured=_sizes(record),
            source=path.name,
            role="held out" if record["held_out"] else "measured",
        )
        for record in records
        if record["kind"] == "step"
        and record["status"] in {"ran", "out-of-memory"}
        and (record["status"] != "ran" or record["memory"])  # none without a GPU
    ]


def _sizes(record: dict[str, Any]) -> dict[str, Any]:
    if record["status"] != "ran":
        return {"outcome": "oom"}
    memory = record["memory"]
    return {
        "outcome": "completed",
        "allocated": memory["peak_allocated"],
        "reserved": memory["peak_reserved"],
        "process": memory["peak_reserved"] + memory["context"],
    }


def question(row: Measured, model: Model) -> dict[str, Any]:
    """The row as the scripts of the tools read it."""
    return {
        "name": row.name,
        "model": row.model,
        "parameters": model.size.parameters,
        "trainable": trainable(row.step, model),
        "largest_layer": model.largest_layer,
        "card": row.card,
        "config": {"architectures": [model.kind], **row.step.config},
        "step": {
            key: value
            for key, value in msgspec.to_builtins(row.step).items()
            if key != "config" and value is not None
        },
    }


def trainable(step: Step, model: Model) -> int:
    """Trained parameters: all, or the adapters on the layers that are named."""
    if step.adapter is None:
        return model.size.parameters
    targets = step.adapter.targets or ()
    every = targets == ("all-linear",)
    return sum(
        step.adapter.rank * sum(shape)
        for name, shape in model.tensors.items()
        if len(shape) == 2  # noqa: PLR2004  a matrix
        and any(part.isdigit() for part in name.split("."))  # of a repeated layer
        and (every or name.split(".")[-2] in targets)
    )


def models(rows: Iterable[Measured]) -> dict[str, Model]:
    """Each row's model by the row's name; equal configs are made once."""
    made: dict[tuple[str, str], Model] = {}
    by_row = {}
    for row in rows:
        key = (json.dumps(row.step.config, sort_keys=True), row.step.task)
        if key not in made:
            made[key] = _make(row.step)
        by_row[row.name] = made[key]
    return by_row


def _make(step: Step) -> Model:
    plain = msgspec.structs.replace(step, adapter=None, quantization=None)
    model = build(plain, [])
    tensors = {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    size = ModelSize.of(
        Checkpoint(path=Path(), config=step.config, tensors=tensors),
        task="causal-lm" if step.task in OVER_WORDS else "text-classification",
    )
    if size is None:
        parameters = sum(math.prod(shape) for shape in tensors.values())
        size = ModelSize(parameters, 0, 0, 0, 0, 0)
    largest = max(
        sum(weight.numel() for weight in module.parameters(recurse=False))
        for module in model.modules()
    )
    return Model(kind=type(model).__name__, tensors=tensors, size=size, largest_layer=largest)
