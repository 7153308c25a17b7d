"""Faults that only the run shows, planted in real trainings, with their healthy twins.

The trainings are plain PyTorch loops with the schedulers of transformers, accelerate's wrapper and
PyTorch's scaler, watched by `tunewell.watch`; what is judged is what the run folder tells.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.planted.faults import HEART, SPIKE, overflows, planted
from tests.planted.loops import PLAIN, Loop, language, model_for, only, topics

from tunewell.core.finding import Finding, Severity
from tunewell.engine.examine import examine
from tunewell.readers.logs import read_run
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


@pytest.mark.reproduces("O01")
def test_a_spike_and_a_hard_batch() -> None:
    """Weights thrown off in the middle; the twin meets one batch with wrong labels only."""
    hurt = planted("spike-at-half").run()
    for trace in (hurt, only(hurt, *PLAIN)):
        finding = said(trace)["FIT040"]
        assert finding.severity is Severity.WARNING
        assert "loss leapt from" in finding.message

    def wrong_batch(loop: Loop, step: int) -> None:
        if step in {150, 151}:
            loop.task.labels = (loop.task.labels + 1) % 4 if step == 150 else kept

    task = topics()
    kept = task.labels
    assert "FIT040" not in said(Loop(task, meddle=wrong_batch, **SPIKE).run())


@pytest.mark.reproduces("O01")
def test_a_rate_far_too_high() -> None:
    """Found in the bare log; the twin learns at a two hundredth of it."""
    high = only(planted("rate-far-too-high").run(), *PLAIN)
    assert said(high)["FIT003"].severity is Severity.ERROR
    usual = only(Loop(language(), rate=5e-3, judge_every=50, every=2).run(), *PLAIN)
    assert not serious(usual)


@pytest.mark.reproduces("O05")
def test_a_rate_of_zero() -> None:
    """Said as an error and first; by the bare log too."""
    trace = only(planted("rate-of-zero").run(), *PLAIN)
    finding = next(iter(said(trace).values()))
    assert finding.code == "HYP052"
    assert finding.severity is Severity.ERROR


@pytest.mark.reproduces("O05", "P06")
def test_every_step_is_skipped_in_half_precision() -> None:
    """Gradients that overflow float16 by the real scaler: the scheduler waits with the steps."""
    stuck = planted("every-step-skipped").run()
    found = said(stuck)
    assert found["FIT048"].severity is Severity.ERROR
    assert "each of the last 20" in found["FIT048"].message
    assert "HYP052" in found
    limping = planted("one-step-in-four-skipped").run()
    assert said(limping)["FIT048"].severity is Severity.WARNING
    assert "FIT004" not in said(limping)
    assert not serious(Loop(topics(), model=overflows(1.0), half=True).run())


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
    trace = only(planted("scheduler-once-in-four").run(), *PLAIN)
    assert "once in 4 steps" in said(trace)["HYP054"].message


def test_a_warm_up_that_outlasts_the_run() -> None:
    """500 steps of warm-up in a run of 200; the twin warms up for 20."""
    assert "HYP055" in serious(only(planted("warm-up-outlasts-run").run(), *PLAIN))
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
    trace = only(planted("learned-by-heart").run(), *PLAIN)
    found = said(trace)
    assert found["FIT042"].severity is Severity.WARNING
    assert found["FIT001"].severity is Severity.WARNING
    many = language(2000)
    assert not said(only(Loop(many, **HEART).run(), *PLAIN)).keys() & {"FIT042", "FIT001"}


@pytest.mark.reproduces("D30")
def test_a_classifier_that_answers_with_the_larger_class() -> None:
    """Nineteen rows of one class to each of the other, hardly told apart by their tokens."""
    assert "FIT043" in serious(planted("one-class").run())
    learned = topics(600, classes=2, shares=(0.9, 0.1))
    assert not serious(Loop(learned, judge_every=50).run())


@pytest.mark.reproduces("O32")
def test_a_model_that_stays_in_evaluation_mode() -> None:
    """The loop forgets model.train() after its first evaluation."""
    left = planted("evaluation-mode-after-a-quarter").run()
    assert "150 steps of 200" in serious(left)["FIT047"]
    assert not serious(Loop(topics(), judge_every=50).run())


def test_a_head_that_no_optimizer_holds() -> None:
    """It gets a gradient and never moves."""
    found = serious(planted("head-in-no-optimizer").run())
    assert "head gets a gradient and never moves" in found["FIT044"]


def test_a_part_that_is_detached_or_dies() -> None:
    """No gradient reaches the first blocks, from the start or since all of their units died."""
    # Without any gradient there is nothing to sample: the step-one proof tells it.
    detached = planted("detached")
    found = {f.code: f.message for f in examine([detached.run(), detached.state]).findings}
    assert "3 reached by no gradient" in found["FIT005"]

    assert "FIT044" in serious(planted("block-dies-at-60-of-200").run())
    frozen = model_for(topics())
    frozen.blocks[0].requires_grad_(requires_grad=False)
    assert not serious(Loop(topics(), model=frozen).run())


def test_gradients_that_vanish_in_a_deep_sigmoid_network() -> None:
    """Ten layers of sigmoids; the twin of six with ReLU learns."""
    found = serious(planted("gradients-vanish").run())
    assert "below Adam's epsilon" in found["FIT046"]
    assert not serious(Loop(topics(), model=model_for(topics(), depth=6), steps=300).run())


def test_gradients_that_explode_without_a_clip() -> None:
    """A rate that grows without end; norms and loss grow together."""
    grown = planted("gradients-explode").run()
    assert "gradient norms grew" in serious(grown)["FIT045"]
    assert "FIT045" not in said(Loop(language(), clip=1e9, rate=5e-3).run())


def test_a_rate_too_low_by_the_shape_of_the_run() -> None:
    """The loss falls in a straight line over the sum of rates, and the weights hardly move."""
    slow = planted("rate-too-low").run()
    assert "straight line" in serious(slow)["HYP050"]
    assert said(only(slow, *PLAIN))["HYP050"].severity is Severity.INFO
    still = planted("rate-far-too-low").run()
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


@pytest.mark.reproduces("P06")
@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused"])
def test_a_first_step_that_the_scaler_skips_proves_nothing(tmp_path: Path, optim: str) -> None:
    """By the scaler in accelerate's wrapper, as on a GPU: gradients overflow twice at first.

    With the fused AdamW, the default of transformers, accelerate itself calls no step skipped.
    """
    import torch
    from tests.planted.measuring import trained, watch
    from tests.planted.test_evaluations_of_runs import classifier
    from transformers import TrainerCallback

    scaler = torch.amp.GradScaler("cpu")

    class Half(TrainerCallback):
        def on_train_begin(self, *_: Any, optimizer: Any, **__: Any) -> None:
            trainer.accelerator.scaler = scaler
            optimizer.__init__(optimizer.optimizer, device_placement=False, scaler=scaler)

    trainer = classifier(tmp_path, max_steps=60, eval_strategy="no", max_grad_norm=0.0, optim=optim)
    trainer.add_callback(Half())
    trainer.model.classifier.weight.register_hook(
        lambda gradient: gradient * (math.inf if scaler.get_scale() > 2.0**14 else 1.0)
    )
    trained(watch(trainer))
    trace, state = read_run(tmp_path)
    lost = trace.column("skipped").values
    assert lost.tolist() == [1.0, 1.0] + [0.0] * 58
    assert state is not None
    assert all(tensor.moved for tensor in state.tensors if tensor.trainable)
    codes = {finding.code for finding in examine([trace, state]).findings}
    assert not codes & {"FIT005", "FIT044"}
