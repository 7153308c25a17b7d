"""Simulations as they were recorded, and the call that the tests of a plan make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from tunewell.api.plan import Call
from tunewell.api.planning.flags import Flags
from tunewell.plan.simulated import NotSimulated, PhasePeak, Simulated, Work
from tunewell.plan.step import Step

FOLDER = Path(__file__).parents[2] / "fixtures" / "simulated"
QWEN = msgspec.json.decode((FOLDER / "qwen2.5-7b-lora.json").read_bytes(), type=Simulated)
"""Qwen2.5-7B, LoRA of rank 16 on q_proj and v_proj, 4 rows of 2,048 tokens, bf16 with autocast, on
a GPU of compute capability 8.9: as the simulation of 2026-11-27 said, every fourth moment."""

LORA = Flags(
    model="Qwen/Qwen2.5-7B",
    method="lora",
    lora_rank=16,
    lora_targets="q_proj,v_proj",
    batch=4,
    seq=2048,
    precision="bf16",
    gpu="L4",
)
CALL = Call(flags=LORA)


def recorded(steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
    """The recording for every step, with what its rows, checkpointing and loss change of it.

    A rule of thumb, so that changes have something to be ranked by: what a real simulation says of
    them is tested elsewhere.
    """
    for step in steps:
        share = step.batch / 4
        held = share * (0.05 if step.checkpointing else 1.0)
        logits = 0.25 if step.loss == "chunked" else share
        yield scaled(held, logits, slower=1.3 if step.checkpointing else 1.0,
                     rows=share * step.accumulation)  # fmt: skip


def refused(steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
    """No step can be simulated."""
    for _ in steps:
        yield NotSimulated(reason="the model is made by code of its own")


def scaled(held: float, logits: float, *, slower: float = 1.0, rows: float = 1.0) -> Simulated:
    """The recording with other activations, logits and work."""
    phases = tuple(_phase(phase, held, logits) for phase in QWEN.phases)
    peak = max(phases, key=lambda phase: phase.allocated)
    return msgspec.structs.replace(
        QWEN,
        phases=phases,
        peak_phase=peak.phase,
        peak_allocated=peak.allocated,
        peak_reserved=round(peak.allocated * 1.03),
        smallest_capacity=round(peak.allocated * 1.01),
        work=tuple(_work(work, slower * rows) for work in QWEN.work),
    )


def _phase(phase: PhasePeak, held: float, logits: float) -> PhasePeak:
    by_kind = dict(phase.by_kind)
    by_kind["activations"] = round(by_kind["activations"] * held)
    by_kind["logits"] = round(by_kind["logits"] * logits)
    return msgspec.structs.replace(
        phase, by_kind=by_kind, allocated=sum(by_kind.values()), reserved=sum(by_kind.values())
    )


def _work(work: Work, share: float) -> Work:
    return msgspec.structs.replace(
        work, operations=work.operations * share, bytes=work.bytes * share
    )
