"""Faults that only the run shows, planted in real trainings, with their healthy twins.

The trainings are plain PyTorch loops with the schedulers of transformers, accelerate's wrapper and
PyTorch's scaler, watched by `tunewell.watch`; what is judged is what the run folder tells.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.planted.loops import PLAIN, TOKENS, Loop, language, model_for, only, topics

from tunewell.core.finding import Finding, Severity
from tunewell.engine.examine import examine
from tunewell.subjects.trace import Trace

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)


def said(trace: Trace) -> dict[str, Finding]:
    """What is said of a run, by code."""
    outcomes = examine([trace])
    assert not outcomes.broken
    return {finding.code: finding for finding in outcomes.findings}


def serious(trace: Trace) -> dict[str, str]:
    """Errors and warnings of a run but that it could have been longer."""
    return {
        code: finding.message
        for code, finding in said(trace).items()
        if finding.severity is not Severity.INFO and code != "FIT006"
    }


def thrown_off(at: int, size: float) -> Callable[[Loop, int], None]:
    """Weights that are changed by so many times their own spread before a step."""

    def meddle(loop: Loop, step: int) -> None:
        import torch

        if step == at:
            torch.manual_seed(step)
            with torch.no_grad():
                for weight in loop.model.parameters():
                    weight.add_(size * weight.std() * torch.randn_like(weight))

    return meddle


@pytest.mark.reproduces("O01")
def test_a_spike_and_a_hard_batch() -> None:
    """Weights thrown off in the middle; the twin meets one batch with wrong labels only."""
    from_here: dict[str, Any] = {
        "steps": 300,
        "batch": 8,
        "schedule": "constant",
        "warmup": 0,
        "rate": 1e-3,
    }
    hurt = Loop(topics(), meddle=thrown_off(150, 3.0), judge_every=50, **from_here).run()
    for trace in (hurt, only(hurt, *PLAIN)):
        finding = said(trace)["FIT040"]
        assert finding.severity is Severity.WARNING
        assert "loss leapt from" in finding.message

    def wrong_batch(loop: Loop, step: int) -> None:
        if step in {150, 151}:
            loop.task.labels = (loop.task.labels + 1) % 4 if step == 150 else kept

    task = topics()
    kept = task.labels
    assert "FIT040" not in said(Loop(task, meddle=wrong_batch, **from_here).run())


@pytest.mark.reproduces("O01")
def test_a_rate_far_too_high() -> None:
    """Found in the bare log; the twin learns at a two hundredth of it."""
    high = only(Loop(language(), rate=1.0, judge_every=50, every=2).run(), *PLAIN)
    assert said(high)["FIT003"].severity is Severity.ERROR
    usual = only(Loop(language(), rate=5e-3, judge_every=50, every=2).run(), *PLAIN)
    assert not serious(usual)


@pytest.mark.reproduces("O05")
def test_a_rate_of_zero() -> None:
    """Said as an error and first; by the bare log too."""
    trace = only(Loop(topics(), rate=0.0).run(), *PLAIN)
    finding = next(iter(said(trace).values()))
    assert finding.code == "HYP052"
    assert finding.severity is Severity.ERROR


@pytest.mark.reproduces("O05", "P06")
def test_every_step_is_skipped_in_half_precision() -> None:
    """Gradients that overflow float16 by the real scaler: the scheduler waits with the steps."""
    import torch

    class Overflows(torch.nn.Module):
        """The gradient that comes back is multiplied, as by an expert whose weights are large."""

        def __init__(self, times: float) -> None:
            super().__init__()
            self.inner, self.times = model_for(topics()), times

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            logits = self.inner(input_ids, labels)
            logits.register_hook(lambda gradient: gradient * self.times)
            return logits

    stuck = Loop(
        topics(), model=Overflows(math.inf), half=True, steps=60, schedule="constant_with_warmup"
    ).run()
    found = said(stuck)
    assert found["FIT048"].severity is Severity.ERROR
    assert "each of the last 20" in found["FIT048"].message
    assert "HYP052" in found
    limping = Loop(topics(), model=Overflows(1.0), half=True, meddle=_now_and_then).run()
    assert said(limping)["FIT048"].severity is Severity.WARNING
    assert "FIT004" not in said(limping)
    assert not serious(Loop(topics(), model=Overflows(1.0), half=True).run())


def _now_and_then(loop: Loop, step: int) -> None:
    """One step in four overflows."""
    loop.model.times = math.inf if step % 4 == 0 else 1.0


@pytest.mark.reproduces("O04")
def test_a_scheduler_that_accelerate_advances_for_each_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The wrapper of accelerate, told of four processes; the twin has one."""
    from accelerate import scheduler as of_accelerate

    def wrapped(processes: int, schedule: str) -> Trace:
        told = SimpleNamespace(num_processes=processes)
        monkeypatch.setattr(of_accelerate, "AcceleratorState", lambda: told)
        loop = Loop(topics(), schedule=schedule)
        optimizer: Any = loop.optimizer
        optimizer.step_was_skipped = False
        loop.advance = of_accelerate.AcceleratedScheduler(loop.scheduler, loop.optimizer).step
        return only(loop.run(), *PLAIN)

    found = said(wrapped(4, "linear"))["HYP053"]
    assert found.severity is Severity.ERROR
    assert "advanced 4 times a step" in found.message
    assert "advanced 4 times a step" in said(wrapped(4, "cosine"))["HYP054"].message
    for schedule in ("linear", "cosine"):
        assert not serious(wrapped(1, schedule))


def test_a_scheduler_that_is_advanced_once_in_four_steps() -> None:
    """Built for optimizer steps, advanced by every fourth."""
    loop, made = Loop(topics(), schedule="cosine"), [0]

    def advance() -> None:
        made[0] += 1
        if made[0] % 4 == 0:
            loop.scheduler.step()

    loop.advance = advance
    assert "once in 4 steps" in said(only(loop.run(), *PLAIN))["HYP054"].message


def test_a_warm_up_that_outlasts_the_run() -> None:
    """500 steps of warm-up in a run of 200; the twin warms up for 20."""
    assert "HYP055" in serious(only(Loop(topics(), warmup=500).run(), *PLAIN))
    assert not serious(only(Loop(topics(), warmup=20).run(), *PLAIN))


def test_a_schedule_that_begins_anew_where_the_run_is_resumed() -> None:
    """Resumed at step 120 without the scheduler's state; the twin is resumed with it."""

    lost = Loop(topics(), warmup=0).run_resumed(at=120, reached=130, schedule_lost=True)
    found = said(only(lost, *PLAIN))["HYP056"]
    assert found.severity is Severity.WARNING
    assert "its schedule began anew" in found.message
    whole = only(Loop(topics(), warmup=0).run_resumed(at=120, reached=130), *PLAIN)
    assert whole.restarts[0].step == 120
    assert not said(whole).keys() & {"HYP054", "HYP056"}


@pytest.mark.reproduces("O25")
def test_rows_that_are_learned_by_heart() -> None:
    """64 sequences ten times over: steps at the borders and an evaluation that rises."""
    few: dict[str, Any] = {"steps": 160, "batch": 4, "rate": 1e-2, "judge_every": 16}
    task = language(64, judged=64)
    trace = only(Loop(task, model=model_for(task, dropout=0.0, width=64), **few).run(), *PLAIN)
    found = said(trace)
    assert found["FIT042"].severity is Severity.WARNING
    assert found["FIT001"].severity is Severity.WARNING
    many = language(2000)
    assert not said(only(Loop(many, **few).run(), *PLAIN)).keys() & {"FIT042", "FIT001"}


@pytest.mark.reproduces("D30")
def test_a_classifier_that_answers_with_the_larger_class() -> None:
    """Nineteen rows of one class to each of the other, hardly told apart by their tokens."""
    task = topics(600, classes=2, shares=(0.95, 0.05), sharpness=0.3)
    assert "FIT043" in serious(Loop(task, rate=3e-4, judge_every=50).run())
    learned = topics(600, classes=2, shares=(0.9, 0.1))
    assert not serious(Loop(learned, judge_every=50).run())


@pytest.mark.reproduces("O32")
def test_a_model_that_stays_in_evaluation_mode() -> None:
    """The loop forgets model.train() after its first evaluation."""
    left = Loop(topics(), judge_every=50, after_judging=lambda _: None).run()
    assert "150 steps of 200" in serious(left)["FIT047"]
    assert not serious(Loop(topics(), judge_every=50).run())


def test_a_head_that_no_optimizer_holds() -> None:
    """It gets a gradient and never moves."""

    def all_but_the_head(model: Any) -> list[Any]:
        return [*model.embed.parameters(), *model.blocks.parameters()]

    assert (
        "head gets a gradient and never moves"
        in serious(Loop(topics(), parameters=all_but_the_head).run())["FIT044"]
    )


def test_a_part_that_is_detached_or_dies() -> None:
    """No gradient reaches the first blocks, from the start or since all of their units died."""
    import torch

    class Detached(torch.nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            del labels
            hidden = self.inner.blocks[0](self.inner.embed(input_ids).mean(dim=1)).detach()
            for block in list(self.inner.blocks)[1:]:
                hidden = block(hidden)
            return self.inner.head(hidden)

    # Without any gradient there is nothing to sample: the step-one proof tells it.
    detached = Loop(topics(), model=Detached(model_for(topics(), depth=3)))
    found = {f.code: f.message for f in examine([detached.run(), detached.state]).findings}
    assert "3 reached by no gradient" in found["FIT005"]

    def kill(loop: Loop, step: int) -> None:
        if step == 60:
            with torch.no_grad():
                loop.model.blocks[0][0].bias.fill_(-100.0)

    assert "FIT044" in serious(Loop(topics(), meddle=kill).run())
    frozen = model_for(topics())
    frozen.blocks[0].requires_grad_(requires_grad=False)
    assert not serious(Loop(topics(), model=frozen).run())


def test_gradients_that_vanish_in_a_deep_sigmoid_network() -> None:
    """Ten layers of sigmoids; the twin of six with ReLU learns."""
    import torch
    from torch import nn

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.embed = nn.Embedding(TOKENS, 24)
            layers = [nn.Sequential(nn.Linear(24, 24), nn.Sigmoid()) for _ in range(10)]
            self.blocks, self.head = nn.Sequential(*layers), nn.Linear(24, 4)

        def forward(self, input_ids: Any, labels: Any = None) -> Any:
            del labels
            return self.head(self.blocks(self.embed(input_ids).mean(dim=1)))

    assert "below Adam's epsilon" in serious(Loop(topics(), model=Deep()).run())["FIT046"]
    assert not serious(Loop(topics(), model=model_for(topics(), depth=6), steps=300).run())


def test_gradients_that_explode_without_a_clip() -> None:
    """A rate that grows without end; norms and loss grow together."""

    def meddle(loop: Loop, step: int) -> None:
        for group in loop.optimizer.param_groups:
            group["lr"] = 1e-3 * 1.04**step

    grown = Loop(language(), clip=1e9, meddle=meddle, schedule="constant", warmup=0).run()
    assert "gradient norms grew" in serious(grown)["FIT045"]
    assert "FIT045" not in said(Loop(language(), clip=1e9, rate=5e-3).run())


def test_a_rate_too_low_by_the_shape_of_the_run() -> None:
    """The loss falls in a straight line over the sum of rates, and the weights hardly move."""
    slow = Loop(language(512), batch=64, rate=5e-5, steps=300, every=5).run()
    assert "straight line" in serious(slow)["HYP050"]
    assert said(only(slow, *PLAIN))["HYP050"].severity is Severity.INFO
    still = Loop(language(), rate=1e-6, steps=200, every=5).run()
    assert "cannot have moved" in serious(still)["FIT041"]


@pytest.mark.reproduces("O28")
def test_a_stream_that_begins_again(tmp_path: Path) -> None:
    """The Trainer over a stream shorter than max_steps; the twin's is long enough."""
    assert "FIT049" in serious(streamed(tmp_path / "short", rows=80))
    assert "FIT049" not in said(streamed(tmp_path / "long", rows=400))


def streamed(out: Path, *, rows: int) -> Trace:
    """100 steps of the Trainer in batches of 4 over a stream, watched."""
    from datasets import Dataset
    from tests.planted.measuring import trained
    from tests.preflight import tiny
    from transformers import DataCollatorWithPadding, Trainer

    tokens = tiny.tokenizer()
    texts = tiny.sentences(rows)
    table = Dataset.from_list(
        [{**tokens(text), "labels": number % 3} for number, text in enumerate(texts)]
    )
    trainer = Trainer(
        tiny.encoder(num_labels=3),
        args=tiny.arguments(out, max_steps=100, logging_steps=10, num_train_epochs=1),
        train_dataset=table.to_iterable_dataset(),
        data_collator=DataCollatorWithPadding(tokens),
    )
    return trained(trainer).trace()
