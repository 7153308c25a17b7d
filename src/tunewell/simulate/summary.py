"""What a run's storages come to: peaks by phase, kind and origin, and what is reserved."""

from __future__ import annotations

import re
from collections import Counter

from tunewell.plan.allocator import replay, smallest_capacity
from tunewell.plan.simulated import Holder, Moment, PhasePeak, Simulated
from tunewell.plan.step import KINDS
from tunewell.simulate.quantised import Packed
from tunewell.simulate.repeated import once_more
from tunewell.simulate.step import ITERATIONS, Run
from tunewell.simulate.storages import Birth

MOMENTS = 160
"""Points of the picture of a step."""
HOLDERS = 25
"""Origins that are named, the largest first."""
NOTHING = (0, 0)
NUMBER = re.compile(r"(?<=\.)\d+(?=\.|$)")


def summarise(run: Run) -> Simulated:
    """The simulation's answer."""
    storages = run.storages
    kinds = [_kind(birth, run.vocabulary) for birth in storages.births]
    events, marks = _settled(run)
    allocation = replay(events, marks=[place for _, place in marks])
    stretches: dict[str, tuple[int, int]] = {}
    for (phase, _), (allocated, reserved) in zip(marks, allocation.at_marks, strict=True):
        name = _phase(phase)
        known = stretches.get(name, (0, 0))
        stretches[name] = (max(known[0], allocated), max(known[1], reserved))
    stretches.pop("end", None)
    at_peaks = _at_peaks(run, kinds)
    training = [name for name in stretches if name in {"load", "forward", "backward", "optimizer"}]
    peak_phase = max(training, key=lambda name: stretches[name][0])
    phases = tuple(
        PhasePeak(
            phase=name,
            allocated=allocated,
            reserved=reserved,
            by_kind=_with_rounding(at_peaks[name][0], allocated),
        )
        for name, (allocated, reserved) in stretches.items()
    )
    step = run.step
    scale = step.accumulation / run.parts
    last = f"{ITERATIONS - 1}:"
    work = (
        *storages.ledger.work(f"{last}forward", scale=scale, name="forward"),
        *storages.ledger.work(f"{last}recompute", scale=scale, name="recompute"),
        *storages.ledger.work(f"{last}backward", scale=scale, name="backward"),
        *storages.ledger.work(f"{last}optimizer", scale=1.0, name="optimizer"),
    )
    parameters = list(run.training.model.parameters())
    return Simulated(
        peak_allocated=allocation.allocated,
        peak_reserved=allocation.reserved,
        smallest_capacity=smallest_capacity(events),
        peak_phase=peak_phase,
        phases=phases,
        holders=_holders(run, kinds, at_peaks[peak_phase][1]),
        moments=_moments(run, kinds),
        work=work,
        parameters=_count(run),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        steady=storages.live,
        attention_kernels=dict(run.kernels.taken),
        assumptions=tuple(run.assumptions),
        host_bytes=run.ranks.host_bytes,
        moved_bytes=round(run.ranks.moved_bytes),
        crossing_bytes=round(run.ranks.crossing_bytes),
    )


def _settled(run: Run) -> tuple[list[tuple[int, int]], list[tuple[str, int]]]:
    """The run with its last optimizer step once more."""
    marks = run.storages.marks
    begin = _last_step(marks)
    end = next(place for name, place in marks if name == "saving")
    return once_more(run.storages.events, marks, begin, end)


def _phase(name: str) -> str:
    return name.partition(":")[2] or name


def _kind(birth: Birth, vocabulary: int) -> str:
    if birth.kind is not None:
        return birth.kind
    if vocabulary and birth.shape and birth.shape[-1] == vocabulary:
        return "logits"
    if birth.recomputed or _phase(birth.phase) in {"forward", "evaluation", "generation"}:
        return "activations"
    return "other"


def _at_peaks(run: Run, kinds: list[str]) -> dict[str, tuple[dict[str, int], int]]:
    """Bytes by kind at each phase's peak, with its place among the events."""
    storages = run.storages
    now = dict.fromkeys(KINDS, 0)
    total = 0
    best: dict[str, tuple[int, dict[str, int], int]] = {}
    phase = "load"
    starts: dict[int, list[str]] = {}
    for name, place in storages.marks:
        starts.setdefault(place, []).append(_phase(name))
    for place, (number, size) in enumerate([*storages.events, NOTHING]):
        for phase in starts.get(place, ()):
            if total > best.get(phase, (-1, {}, 0))[0]:
                best[phase] = (total, dict(now), place)
        if size:
            now[kinds[number]] += size
            total += size
            if total > best.get(phase, (-1, {}, 0))[0]:
                best[phase] = (total, dict(now), place)
    return {name: (by_kind, place) for name, (_, by_kind, place) in best.items()}


def _moments(run: Run, kinds: list[str]) -> tuple[Moment, ...]:
    """The last optimizer step in even stretches, each by its highest moment."""
    events, marks = run.storages.events, run.storages.marks
    begin = _last_step(marks)
    every = max(1, (len(events) - begin) // MOMENTS)
    now = dict.fromkeys(KINDS, 0)
    for number, size in events[:begin]:
        if size:
            now[kinds[number]] += size
    total = sum(now.values())
    names = {place: _phase(name) for name, place in marks}
    phase = "forward"
    highest: Moment | None = None
    highest_total = -1
    moments = []
    for place, (number, size) in enumerate(events[begin:]):
        phase = names.get(begin + place, phase)
        if size:
            now[kinds[number]] += size
            total += size
        if total > highest_total:
            highest_total = total
            highest = Moment(event=place, phase=phase, by_kind=dict(now))
        if place % every == every - 1 and highest is not None:
            moments.append(highest)
            highest, highest_total = None, -1
    return (*moments, highest) if highest is not None else tuple(moments)


def _last_step(marks: list[tuple[str, int]]) -> int:
    return next(place for name, place in marks if name.startswith(f"{ITERATIONS - 1}:"))


def _with_rounding(by_kind: dict[str, int], allocated: int) -> dict[str, int]:
    """What the allocator rounds up counts as other, so that the kinds sum to the peak."""
    return {**by_kind, "other": by_kind["other"] + allocated - sum(by_kind.values())}


def _holders(run: Run, kinds: list[str], place: int) -> tuple[Holder, ...]:
    storages = run.storages
    alive: dict[int, int] = {}
    for number, size in storages.events[: place + 1]:
        if size > 0:
            alive[number] = size
        elif size:
            alive.pop(number, None)
    sizes: Counter[tuple[str, str, str]] = Counter()
    counts: Counter[tuple[str, str, str]] = Counter()
    for number, size in alive.items():
        birth = storages.births[number]
        key = (kinds[number], birth.operation, NUMBER.sub("*", birth.module))
        sizes[key] += size
        counts[key] += 1
    return tuple(
        Holder(kind=kind, operation=operation, module=module, count=counts[key], bytes=size)
        for key, size in sizes.most_common(HOLDERS)
        for kind, operation, module in [key]
    )


def _count(run: Run) -> int:
    """Parameters, packed ones by what they stand for."""
    total: int = sum(p.numel() for p in run.training.model.parameters())
    for module in run.training.model.modules():
        if isinstance(module, Packed):
            total += module.in_features * module.out_features - module.weight.numel()
    return total
