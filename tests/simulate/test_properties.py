"""What must hold of every simulated step, whatever its size."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.simulate.running import BERT, LLAMA, MIB, SMALL, simulated

from tunewell.plan.step import KINDS, Device, LowRank, Step


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Of a small decoder or encoder, in one of several precisions."""
    encoder = draw(st.integers(0, 1))
    config: dict[str, Any] = dict(BERT if encoder else LLAMA)
    config["hidden_size"] = 64 * draw(st.integers(2, 4))
    config["num_attention_heads"] = draw(st.sampled_from([2, 4]))
    config["num_hidden_layers"] = draw(st.integers(1, 3))
    if not encoder:
        config["num_key_value_heads"] = draw(st.sampled_from([1, 2]))
    weights, autocast = draw(
        st.sampled_from([("fp32", None), ("bf16", None), ("fp32", "bf16"), ("fp32", "fp16")])
    )
    return msgspec.structs.replace(
        SMALL,
        config=config,
        task="masked-lm" if encoder else "causal-lm",
        batch=draw(st.integers(1, 4)),
        length=64 * draw(st.integers(2, 6)),
        weights=weights,
        autocast=autocast,
        padded=draw(st.sampled_from([False, True])),
        checkpointing=draw(st.sampled_from([False, True])),
        loop=draw(st.sampled_from(["trainer", "plain"])),
        device=Device(capability=draw(st.sampled_from([75, 80, 90]))),
    )


few = settings(max_examples=3)


@few
@given(step=steps())
def test_the_numbers_agree_with_one_another(step: Step) -> None:
    answer = simulated(step)
    phases = {phase.phase: phase for phase in answer.phases}
    for phase in answer.phases:
        assert set(phase.by_kind) == set(KINDS)
        assert sum(phase.by_kind.values()) == phase.allocated
        assert phase.allocated <= phase.reserved
        assert min(phase.by_kind.values()) >= 0
    training = [phases[name] for name in ("load", "forward", "backward", "optimizer")]
    assert answer.peak_allocated == max(phase.allocated for phase in training)
    assert answer.peak_allocated == phases[answer.peak_phase].allocated
    assert answer.peak_reserved >= max(phase.reserved for phase in training)
    assert answer.peak_allocated <= answer.smallest_capacity <= answer.peak_reserved
    assert answer.steady <= answer.peak_allocated
    places = [moment.event for moment in answer.moments]
    assert places == sorted(set(places))
    highest = max(sum(moment.by_kind.values()) for moment in answer.moments)
    # The moments are of the last step, and without rounding; the first may take a little more.
    assert 0.9 * answer.peak_allocated < highest <= answer.peak_allocated
    assert sum(holder.bytes for holder in answer.holders) <= answer.peak_allocated
    assert 0 < answer.trainable <= answer.parameters


@pytest.mark.slow
@few
@given(step=steps())
def test_more_rows_never_take_less(step: Step) -> None:
    one = simulated(step)
    more = simulated(step, batch=step.batch + 1)
    assert more.peak_allocated >= one.peak_allocated
    assert {p.phase: p.by_kind["weights"] for p in more.phases}["load"] == (
        {p.phase: p.by_kind["weights"] for p in one.phases}["load"]
    )


@pytest.mark.slow
@few
@given(step=steps())
def test_checkpointing_never_keeps_more(step: Step) -> None:
    whole = simulated(step, checkpointing=False)
    for reentrant in (False, True):
        kept = simulated(step, checkpointing=True, reentrant=reentrant)
        assert forward(kept) <= forward(whole)
        assert products(kept) > products(whole)


def products(answer: Any) -> float:  # noqa: ANN401  a Simulated
    """Operations of products of matrices."""
    total: float = sum(work.operations for work in answer.work if work.unit == "matrix")
    return total


def forward(answer: Any) -> int:  # noqa: ANN401  a Simulated
    """Activations at the forward pass's peak."""
    found: int = next(p for p in answer.phases if p.phase == "forward").by_kind["activations"]
    return found


@pytest.mark.slow
@few
@given(step=steps())
def test_work_grows_with_the_batch(step: Step) -> None:
    step = msgspec.structs.replace(step, accumulation=1)
    one, two = simulated(step), simulated(step, batch=2 * step.batch)
    for phase in ("forward", "backward"):
        sums = [
            sum(w.operations for w in answer.work if w.phase == phase and w.unit == "matrix")
            for answer in (one, two)
        ]
        assert sums[1] == pytest.approx(2 * sums[0], rel=1e-3)


@pytest.mark.slow
@few
@given(step=steps())
def test_adapters_have_few_gradients(step: Step) -> None:
    whole = simulated(step)
    targets = ("query", "value") if step.task == "masked-lm" else ("q_proj", "v_proj")
    adapted = simulated(step, adapter=LowRank(rank=4, targets=targets))
    assert adapted.trainable < whole.trainable / 4
    optimizer = [
        next(p for p in answer.phases if p.phase == "optimizer").by_kind
        for answer in (whole, adapted)
    ]
    assert optimizer[1]["gradients"] < optimizer[0]["gradients"]
    assert optimizer[1]["optimizer"] < optimizer[0]["optimizer"]


@pytest.mark.slow
@few
@given(step=steps())
def test_both_half_precisions_take_as_much(step: Step) -> None:
    """On cards whose kernels take both. fp16 has a softmax of its own, which `eager` would run."""
    step = msgspec.structs.replace(step, device=Device(capability=80))
    if step.autocast is not None:
        pair = [simulated(step, autocast=precision) for precision in ("fp16", "bf16")]
    else:
        pair = [simulated(step, weights=precision) for precision in ("fp16", "bf16")]
    assert pair[0].peak_allocated == pair[1].peak_allocated
    assert pair[0].peak_reserved == pair[1].peak_reserved


@pytest.mark.slow
@few
@given(step=steps())
def test_accumulation_holds_only_more_inputs(step: Step) -> None:
    """From the second micro-batch on gradients are there in the forward pass too."""
    two, eight = simulated(step, accumulation=2), simulated(step, accumulation=8)
    inputs = 3 * 8 * step.batch * step.length
    more = 6 * inputs if step.loop == "trainer" else 0
    assert 0 <= eight.peak_allocated - two.peak_allocated <= more + 6 * 3 * 512
    forward_work = [
        sum(w.operations for w in answer.work if w.phase == "forward") for answer in (two, eight)
    ]
    assert forward_work[1] == pytest.approx(4 * forward_work[0])


def test_a_longer_row_takes_more_in_an_eager_attention_than_in_a_fused_one() -> None:
    grows = [
        simulated(attention=attention, length=2048).peak_allocated
        - simulated(attention=attention, length=1024).peak_allocated
        for attention in ("eager", "sdpa")
    ]
    # Scores of 4 rows and 4 heads, in bf16 at least.
    assert grows[0] > grows[1] + 4 * 4 * (2048**2 - 1024**2) * 2
    assert grows[1] > MIB
