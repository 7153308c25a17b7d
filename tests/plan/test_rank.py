"""The search for the smallest change that fits, on a made-up simulator.

Its bytes follow the closed formulas of memory by kind, so that a change lessens the kind that it is
said to lessen; its numbers are those of a model of 7 thousand million parameters.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewell.core.finding import Safety
from tunewell.plan.advice import Advice
from tunewell.plan.moves import MOVES
from tunewell.plan.moves.steps import micro_batches
from tunewell.plan.rank import largest_batch, search
from tunewell.plan.simulated import NotSimulated, PhasePeak, Simulated
from tunewell.plan.step import Device, LowRank, Step
from tunewell.plan.verdict import FITS_FROM, verdict_of

GB = 10**9
PARAMETERS, HIDDEN, LAYERS, VOCABULARY, HEADS = 7_000_000_000, 3_584, 28, 152_000, 28
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


class Simulator:
    """Counts what it is asked, and answers by arithmetic."""

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.asked: list[list[Step]] = []
        self.refused = refused

    def __call__(self, steps: Sequence[Step]) -> list[Simulated | NotSimulated]:
        """The answer to each step."""
        self.asked.append(list(steps))
        return [self.answer(step) for step in steps]

    @property
    def count(self) -> int:
        """Simulations made."""
        return sum(map(len, self.asked))

    def answer(self, step: Step) -> Simulated | NotSimulated:
        """One simulation, not counted."""
        if step.optimizer in self.refused:
            return NotSimulated(reason="no kernel for it here")
        kinds = kinds_of(step)
        total = sum(kinds.values())
        peak = PhasePeak(
            phase="backward", allocated=total, reserved=int(total * 1.05), by_kind=kinds
        )
        return Simulated(
            peak_allocated=total,
            peak_reserved=int(total * 1.05),
            smallest_capacity=int(total * 1.01),
            peak_phase="backward",
            phases=(peak,),
            holders=(),
            moments=(),
            work=(),
            parameters=PARAMETERS,
            trainable=0,
            steady=0,
            attention_kernels={},
            seconds=time_of(step),
        )


def kinds_of(step: Step) -> dict[str, int]:
    """Bytes by kind at the peak."""
    half = step.autocast or step.weights
    trained = PARAMETERS if step.adapter is None else 2_500_000 * step.adapter.rank
    each = BYTES[step.weights] if step.adapter is None else 4
    weight = 0.56 if step.quantization else BYTES[step.weights]
    weight -= 0.04 if step.double_quantization else 0
    weights = PARAMETERS * weight + (PARAMETERS * 2 if half != step.weights else 0)
    states = {"adafactor": 0.1, "paged_adamw_32bit": 1.0}.get(
        step.optimizer, 2.0 if "8bit" in step.optimizer else 2.0 * each
    )
    tokens = step.batch * step.length
    layer = tokens * HIDDEN * 34
    if step.attention == "eager":
        layer += 5 * step.batch * HEADS * step.length**2
    kept = 2 * tokens * HIDDEN * LAYERS + layer if step.checkpointing else layer * LAYERS
    logits = 16 * tokens * VOCABULARY if step.loss == "full" else 64 * 1024 * 1024
    return {
        "weights": int(weights),
        "gradients": trained * each,
        "optimizer": int(trained * states),
        "activations": kept,
        "logits": logits,
        "other": 100_000_000,
    }


def time_of(step: Step) -> float:
    """Seconds: by tokens, a third more with checkpointing, and something for each micro-batch."""
    rows = step.batch * step.accumulation
    passes = 4 if step.checkpointing else 3
    slow = 1.3 if step.quantization else 1.0
    part = 0.8 if step.adapter is not None else 1.0
    return rows * step.length * passes * part * slow * 1e-4 + step.accumulation * 0.05


def seconds(simulated: Simulated) -> float:
    return simulated.seconds


def found(step: Step, capacity: int, **options: Any) -> tuple[Advice, ...]:  # noqa: ANN401
    return search(step, Simulator(), seconds, capacity, **options)


def ids(advice: Advice) -> list[str]:
    return [move.id for move in advice.moves]


ADAPTED = Step(
    config={}, batch=8, length=2048, weights="bf16", adapter=LowRank(rank=16), accumulation=2
)
FULL = Step(config={}, batch=2, length=2048, weights="fp32", autocast="bf16")


def check(step: Step, capacity: int, advices: Sequence[Advice]) -> None:
    """What must hold of every answer."""
    for each in advices:
        real = Simulator().answer(each.step)
        assert isinstance(real, Simulated)
        assert real == each.simulated
        assert each.fit == verdict_of(real.peak_reserved, real.smallest_capacity, capacity)
        assert each.step.batch * each.step.accumulation == step.batch * step.accumulation
        assert each.moves
    order = [("fits", "tight", "does-not-fit").index(each.fit) for each in advices]
    assert order == sorted(order)
    safe = [each.safety for each in advices if each.fit == "fits"]
    assert safe == sorted(safe, key=lambda safety: safety is not Safety.SAFE)


def test_one_safe_move_is_enough() -> None:
    # 89 GB of which 40 are logits and 56 activations: the chunked loss does not do, fewer rows do.
    advices = found(ADAPTED, 60 * GB)
    check(ADAPTED, 60 * GB, advices)
    assert advices[0].fit == "fits"
    assert advices[0].safety is Safety.SAFE
    assert len(advices[0].moves) == 1


def test_safe_moves_are_put_together_before_anything_else_is_learned() -> None:
    # One row at a time with all else as it is takes 28 GB.
    advices = found(ADAPTED, 20 * GB)
    check(ADAPTED, 20 * GB, advices)
    best = advices[0]
    assert best.fit == "fits"
    assert best.safety is Safety.SAFE
    assert len(best.moves) > 1


def test_what_learns_otherwise_comes_where_nothing_else_will_do() -> None:
    # Weights, gradients and states alone are 126 GB.
    advices = found(FULL, 80 * GB)
    check(FULL, 80 * GB, advices)
    assert advices[0].fit == "fits"
    assert advices[0].safety is Safety.UNSAFE
    assert ids(advices[0]) == ["lora"]


def test_a_small_gpu_needs_several() -> None:
    capacity = 8 * GB
    advices = found(FULL, capacity)
    check(FULL, capacity, advices)
    best = advices[0]
    assert best.fit == "fits"
    assert "qlora" in ids(best)
    # None of them can be spared.
    for spared in best.moves:
        others = [move for move in best.moves if move is not spared]
        step = FULL
        for move in others:
            if "micro-batch" not in move.id:
                step = move.apply(step) or step
        if any("micro-batch" in move.id for move in others):
            step = msgspec.structs.replace(step, batch=best.step.batch)
        made = Simulator().answer(step)
        assert isinstance(made, Simulated)
        assert made.peak_reserved > capacity


def test_what_cannot_fit_is_not_said_to() -> None:
    advices = found(FULL, 3 * GB)
    check(FULL, 3 * GB, advices)
    assert all(each.fit != "fits" for each in advices)
    assert advices


def test_the_most_rows_that_fit_are_among_the_advice() -> None:
    advices = found(ADAPTED, 60 * GB)
    fitting = [
        n
        for n in micro_batches(ADAPTED)
        if sum(kinds_of(msgspec.structs.replace(ADAPTED, batch=n)).values()) * 1.05 <= 60 * GB
    ]
    batched = [each for each in advices if ids(each) == ["smaller-micro-batch"]]
    assert max(each.step.batch for each in batched if each.fit == "fits") == max(fitting)
    assert "4 rows at a time, accumulated 4 times" in [each.title for each in batched]


def test_where_fewer_rows_cost_time_another_move_is_told_too() -> None:
    advices = found(ADAPTED, 35 * GB)
    fitting = [each for each in advices if each.fit == "fits"]
    assert ids(fitting[0]) == ["smaller-micro-batch"]
    assert fitting[0].slower > 0.05
    quicker = [each for each in fitting if each.slower < fitting[0].slower]
    assert any("chunked-loss" in ids(each) and each.step.batch > 1 for each in quicker)


def test_few_simulations_are_made_and_none_twice() -> None:
    for step, capacity in ((ADAPTED, 60), (ADAPTED, 20), (FULL, 80), (FULL, 8), (FULL, 3)):
        simulator = Simulator()
        search(step, simulator, seconds, capacity * GB)
        steps = [msgspec.json.encode(each) for batch in simulator.asked for each in batch]
        assert len(steps) == len(set(steps))
        assert simulator.count <= 24


@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_no_more_than_allowed(most: int) -> None:
    simulator = Simulator()
    advices = search(FULL, simulator, seconds, 8 * GB, most=most)
    assert simulator.count <= most
    check(FULL, 8 * GB, advices)


def test_what_cannot_be_simulated_is_left_out() -> None:
    simulator = Simulator(refused=frozenset({"adamw_bnb_8bit"}))
    advices = search(FULL, simulator, seconds, 80 * GB)
    assert advices[0].fit == "fits"
    assert all(each.step.optimizer != "adamw_bnb_8bit" for each in advices)
    unknown = Simulator(refused=frozenset({"adamw_torch"}))
    assert search(FULL, unknown, seconds, 80 * GB) == ()
    assert largest_batch(FULL, unknown, 80 * GB) is None


def test_only_what_a_recipe_can_say_is_tried() -> None:
    allowed = [move for move in MOVES if move.id in {"checkpointing", "lora"}]
    advices = found(ADAPTED, 70 * GB, moves=allowed)
    assert {name for each in advices for name in ids(each)} <= {"checkpointing", "lora"}


def test_a_step_with_room_is_made_faster() -> None:
    step = msgspec.structs.replace(ADAPTED, batch=1, accumulation=16, checkpointing=True)
    advices = found(step, 80 * GB)
    assert all(each.fit == "fits" and each.slower < 0 for each in advices)
    told = {name for each in advices for name in ids(each)}
    assert told == {"no-checkpointing", "larger-micro-batch"}
    assert "no-checkpointing" in ids(advices[0])


def test_a_step_that_could_not_be_faster_stays() -> None:
    step = msgspec.structs.replace(ADAPTED, batch=16, accumulation=1)
    assert found(step, 300 * GB) == ()


def test_tight_is_told_apart() -> None:
    total = sum(kinds_of(ADAPTED).values())
    capacity = int(total * 1.03)
    advices = found(ADAPTED, capacity)
    check(ADAPTED, capacity, advices)
    assert advices[0].fit == "fits"
    last = advices[-1]
    assert ids(last) == ["expandable-segments"]
    assert (last.fit, last.step, last.saved) == ("tight", ADAPTED, 0)


def test_what_costs_time_that_is_not_seen_comes_after_the_rest() -> None:
    allowed = [m for m in MOVES if m.id in {"paged-optimizer", "checkpointing", "chunked-loss"}]
    step = msgspec.structs.replace(FULL, batch=1, length=8192)
    capacity = int(sum(kinds_of(step).values()) * 1.05) - 1
    advices = found(step, capacity, moves=allowed)
    fitting = [ids(each) for each in advices if each.fit == "fits"]
    assert fitting[-1] == ["paged-optimizer"]
    assert len(fitting) == 3


@pytest.mark.parametrize("capacity", [20, 30, 45, 60, 90, 200])
def test_the_largest_batch_is_the_largest(capacity: int) -> None:
    simulator = Simulator()
    step = msgspec.structs.replace(ADAPTED, batch=6, accumulation=16)
    best = largest_batch(step, simulator, capacity * GB)
    fitting = [
        n
        for n in micro_batches(step)
        if int(sum(kinds_of(msgspec.structs.replace(step, batch=n)).values()) * 1.05)
        <= capacity * GB
    ]
    assert (best[0].batch if best is not None else None) == max(fitting, default=None)
    assert simulator.count <= 7


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([1, 2, 3, 4, 6, 8, 16]),
    st.sampled_from([1, 2, 8]),
    st.sampled_from([512, 2048, 8192]),
    st.booleans(),
    st.sampled_from(["eager", "sdpa"]),
    st.integers(4, 150),
    st.sampled_from([75, 80]),
)
def test_the_first_advice_fits_wherever_something_does(  # noqa: PLR0913, PLR0917  as given
    batch: int,
    accumulation: int,
    length: int,
    full: bool,
    attention: Any,  # noqa: ANN401
    capacity: int,
    capability: int,
) -> None:
    step = Step(
        config={},
        batch=batch,
        accumulation=accumulation,
        length=length,
        weights="fp32" if full else "bf16",
        autocast="bf16" if full else None,
        adapter=None if full else LowRank(rank=16),
        attention=attention,
        device=Device(capability=capability),
    )
    base = Simulator().answer(step)
    assert isinstance(base, Simulated)
    advices = found(step, capacity * GB)
    check(step, capacity * GB, advices)
    smallest = step
    for move in MOVES:
        if move.attacks and "micro-batch" not in move.id:
            smallest = move.apply(smallest) or smallest
    smallest = msgspec.structs.replace(smallest, batch=1)
    least = Simulator().answer(smallest)
    assert isinstance(least, Simulated)
    if base.peak_reserved > capacity * GB >= least.peak_reserved * FITS_FROM:
        assert advices[0].fit == "fits"
