"""A training that memory does not suffice for goes on, and learns the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from tests.train.guard import tiny
from torch.nn import functional
from transformers import Trainer

from tunewell.readers.logs import read_trace
from tunewell.train.guard.guard import Guard
from tunewell.train.guard.memory import is_out_of_memory
from tunewell.train.guard.parts import spans

TASKS = {
    "language": (tiny.language_model, tiny.language_rows),
    "classes": (tiny.classifier, tiny.class_rows),
}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"gradient_accumulation_steps": 3, "max_steps": 8},
    {"per_device_train_batch_size": 10},
]
CLOSE: dict[str, Any] = {"rtol": 2e-5, "atol": 2e-6}
"""What adding up in another order may change over a dozen steps in float32."""


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_healthy_run_is_bit_equal(tmp_path: Path, task: str, settings: dict[str, Any]) -> None:
    """Dropout and all: the guard draws no number and rounds none."""
    model, rows = TASKS[task]
    plain = tiny.trained(tiny.trainer_of(tmp_path, model(0.1), rows(), **settings))
    guard = Guard(announce=None)
    guarded = tiny.trained(tiny.trainer_of(tmp_path, model(0.1), rows(), **settings), guard)
    assert tiny.losses(plain) == tiny.losses(guarded)
    assert bool((tiny.weights(plain) == tiny.weights(guarded)).all())
    assert not guard.interventions


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(("where", "since"), [("forward", 1), ("backward", 1), ("backward", 5)])
def test_the_losses_are_those_of_enough_memory(
    tmp_path: Path, task: str, settings: dict[str, Any], where: str, since: int
) -> None:
    """Rows of unlike length, batches that 3 does not divide, a step that was half done."""
    model, rows = TASKS[task]
    plain = tiny.trained(tiny.trainer_of(tmp_path / "plain", model(), rows(), **settings))
    memory = tiny.Memory(3, where, since)
    guard = tiny.silent(out_of_memory=True)
    short = tiny.trainer_of(
        tmp_path / "short", memory.limits(model()), rows(), memory.clock, **settings
    )
    tiny.trained(short, guard)
    np.testing.assert_allclose(tiny.losses(short), tiny.losses(plain), **CLOSE)
    # Adam divides by the gradient's size, so where it is near 0 its rounding shows: 1 % of a step.
    np.testing.assert_allclose(tiny.weights(short), tiny.weights(plain), rtol=0, atol=1e-4)
    assert tiny.kinds(guard) == ["smaller-batch", "smaller-batch"]
    assert {done.step for done in guard.interventions} == {since}
    assert memory.raised == 2
    assert short.state.global_step == plain.state.global_step
    trace = read_trace(tmp_path / "short")
    assert [done.kind for done in trace.interventions] == tiny.kinds(guard)
    assert "in parts of at most 2" in trace.interventions[1].text


def test_the_losses_are_those_of_the_small_batch_from_the_start(tmp_path: Path) -> None:
    """The same dropout too, where memory ends in the first step: random numbers are put back."""
    small = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    started = tiny.trained(
        tiny.trainer_of(tmp_path, tiny.language_model(0.1), tiny.language_rows(), **small)
    )
    memory = tiny.Memory(4)
    guard = tiny.silent(out_of_memory=True)
    model = memory.limits(tiny.language_model(0.1))
    halved = tiny.trained(tiny.trainer_of(tmp_path, model, tiny.language_rows()), guard)
    np.testing.assert_allclose(tiny.losses(halved), tiny.losses(started), **CLOSE)
    assert tiny.kinds(guard) == ["smaller-batch"]


class RowMean(Trainer):
    """The mean over tokens, whatever the Trainer says of items: a common own loss."""

    def compute_loss(  # noqa: D102
        self,
        model: Any,  # noqa: ANN401
        inputs: Any,  # noqa: ANN401
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401, ARG002
    ) -> Any:  # noqa: ANN401
        outputs = model(**{name: inputs[name] for name in ("input_ids", "attention_mask")})
        logits = outputs.logits[:, :-1].flatten(0, 1)
        loss = functional.cross_entropy(logits, inputs["labels"][:, 1:].flatten())
        return (loss, outputs) if return_outputs else loss


class Weighted(Trainer):
    """Class weights, by which PyTorch divides within each batch."""

    weights = torch.tensor([1.0, 5.0])

    def compute_loss(  # noqa: D102
        self,
        model: Any,  # noqa: ANN401
        inputs: Any,  # noqa: ANN401
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401, ARG002
    ) -> Any:  # noqa: ANN401
        outputs = model(input_ids=inputs["input_ids"])
        loss = functional.cross_entropy(outputs.logits, inputs["labels"], weight=self.weights)
        return (loss, outputs) if return_outputs else loss


class SaysWeights(Weighted):
    """The same, and it says so."""

    def row_weights(self, batch: Any) -> torch.Tensor:  # noqa: ANN401
        """What each row counts."""
        return self.weights[batch["labels"]]


class Contrastive(Weighted):
    """Each row against the others of its batch."""

    def compute_loss(  # noqa: D102
        self,
        model: Any,  # noqa: ANN401
        inputs: Any,  # noqa: ANN401
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401, ARG002
    ) -> Any:  # noqa: ANN401
        outputs = model(input_ids=inputs["input_ids"])
        scores = outputs.logits @ outputs.logits.T
        loss = functional.cross_entropy(scores, torch.arange(len(scores)))
        return (loss, outputs) if return_outputs else loss


@pytest.mark.parametrize(
    ("kind", "task", "settings"),
    [
        (Trainer, "language", {}),
        (Trainer, "language", {"label_smoothing_factor": 0.1}),
        (Trainer, "classes", {}),
        (RowMean, "language", {}),
        (SaysWeights, "classes", {}),
    ],
)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_gradient_is_that_of_the_whole_batch(
    tmp_path: Path, kind: type[Trainer], task: str, settings: dict[str, Any], accumulation: int
) -> None:
    """Whatever the loss divides by: items of the step, tokens of the batch, weights of classes."""
    model, rows = TASKS[task]
    found = []
    for memory in (tiny.Memory(100), tiny.Memory(3)):
        seen: list[torch.Tensor] = []

        def keep(_: int, model: Any, seen: list[torch.Tensor] = seen) -> None:  # noqa: ANN401
            seen.append(torch.cat([p.grad.flatten().clone() for p in model.parameters()]))

        trainer = tiny.trainer_of(
            tmp_path,
            memory.limits(model()),
            rows(),
            tiny.BeforeUpdate(keep),
            kind=kind,
            max_steps=1,
            max_grad_norm=0.0,
            gradient_accumulation_steps=accumulation,
            **settings,
        )
        tiny.trained(trainer, tiny.silent(out_of_memory=True))
        found.append((seen[0], tiny.losses(trainer)))
    (whole, loss), (parts, same) = found
    np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(same, loss, rtol=1e-5)


@pytest.mark.parametrize("kind", [Contrastive, Weighted])
def test_a_loss_that_parts_would_change_is_refused(tmp_path: Path, kind: type[Trainer]) -> None:
    """The error passes, with the reason: computing in parts would change what is learned."""
    memory = tiny.Memory(3)
    guard = tiny.silent(out_of_memory=True)
    model = memory.limits(tiny.classifier())
    trainer = tiny.trainer_of(tmp_path, model, tiny.class_rows(), kind=kind)
    with pytest.raises(torch.OutOfMemoryError) as caught:
        tiny.trained(trainer, guard)
    assert tiny.kinds(guard) == ["stop"]
    assert "no mean or sum over its rows" in caught.value.__notes__[0]
    assert "per_device_train_batch_size" in guard.interventions[0].text


def test_one_row_too_many_is_said_with_advice(tmp_path: Path) -> None:
    """At the floor the error passes; the trainer's own methods are its own again."""
    memory = tiny.Memory(0)
    guard = tiny.silent(out_of_memory=True)
    model = memory.limits(tiny.language_model())
    trainer = tiny.trainer_of(tmp_path, model, tiny.language_rows())
    with pytest.raises(torch.OutOfMemoryError) as caught:
        tiny.trained(trainer, guard)
    assert tiny.kinds(guard) == ["smaller-batch"] * 3 + ["stop"]
    assert "a single row does not fit: try gradient_checkpointing=True" in caught.value.__notes__[0]
    assert not {"training_step", "evaluate", "get_batch_samples"} & set(vars(trainer))
    assert not {"backward", "clip_grad_norm_"} & set(vars(trainer.accelerator))
    trace = read_trace(tmp_path)
    assert not trace.finished
    assert [done.kind for done in trace.interventions] == tiny.kinds(guard)


def test_nothing_asked_nothing_done(tmp_path: Path) -> None:
    """Without a guard, or with one that was not asked, the error is the trainer's own."""
    for guard in (None, tiny.silent(not_finite="skip")):
        memory = tiny.Memory(3)
        model = memory.limits(tiny.language_model())
        trainer = tiny.trainer_of(tmp_path, model, tiny.language_rows())
        with pytest.raises(torch.OutOfMemoryError) as caught:
            tiny.trained(trainer, guard)
        assert not hasattr(caught.value, "__notes__")
        assert memory.raised == 1
        if guard is not None:
            assert not guard.interventions


class ShortAdam(torch.optim.AdamW):
    """An optimizer that memory ends in from one step on, unless it updates tensor by tensor."""

    def __init__(self, parameters: Any, at: int, *, half: bool) -> None:  # noqa: ANN401
        super().__init__(parameters, lr=1e-2)
        self.at, self.half, self.calls = at, half, 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # noqa: ANN401
        """One update."""
        self.calls += 1
        groups = self.param_groups
        if 0 < self.at <= self.calls and groups[0]["foreach"] is not False:
            if self.half:
                held = list(groups[0]["params"])
                groups[0]["params"] = held[: len(held) // 2]
                super().step()
                groups[0]["params"] = held
            message = "CUDA out of memory. Tried to allocate 20.00 MiB."
            raise torch.OutOfMemoryError(message)
        return super().step(closure)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("at", [1, 2, 7])
def test_memory_that_ends_in_the_optimizer(tmp_path: Path, at: int, *, half: bool) -> None:
    """Before anything was changed it is asked again; after, the last state is computed from."""
    made = []
    for fails in (-1, at):
        model = tiny.language_model(0.1)
        optimizer = ShortAdam(model.parameters(), fails, half=half)
        guard = tiny.silent(out_of_memory=True)
        trainer = tiny.trainer_of(tmp_path, model, tiny.language_rows(), optimizer=optimizer)
        tiny.trained(trainer, guard)
        made.append((trainer, guard))
    (plain, _), (short, guard) = made
    np.testing.assert_allclose(tiny.losses(short), tiny.losses(plain), **CLOSE)
    np.testing.assert_allclose(
        tiny.losses(short, "learning_rate"), tiny.losses(plain, "learning_rate"), rtol=1e-12
    )
    # Before the first update no tensor of the optimizer exists, but weights have changed by half.
    assert tiny.kinds(guard) == ["back" if half else "smaller-batch"]
    assert guard.interventions[0].step == at


def test_an_evaluation_that_does_not_fit_is_begun_with_fewer_rows(tmp_path: Path) -> None:
    """The training before and after is the same bit for bit, and so is the evaluation of rows."""
    asked = {"eval_strategy": "steps", "eval_steps": 4, "per_device_eval_batch_size": 16}
    made = []
    for memory in (tiny.Memory(100, "evaluation"), tiny.Memory(5, "evaluation", since=6)):
        guard = tiny.silent(out_of_memory=True)
        trainer = tiny.trainer_of(
            tmp_path,
            memory.limits(tiny.classifier(0.1)),
            tiny.class_rows(),
            memory.clock,
            judged=tiny.class_rows(32, seed=1),
            **asked,
        )
        tiny.trained(trainer, guard)
        made.append((trainer, guard))
    (plain, quiet_), (short, guard) = made
    assert not quiet_.interventions
    assert tiny.losses(short) == tiny.losses(plain)
    np.testing.assert_allclose(
        tiny.losses(short, "eval_loss"), tiny.losses(plain, "eval_loss"), rtol=1e-5
    )
    assert tiny.kinds(guard) == ["smaller-batch", "smaller-batch"]
    assert [done.step for done in guard.interventions] == [8, 8]
    assert short.args.per_device_eval_batch_size == 4


def test_real_errors_are_known() -> None:
    """The host's own allocator, asked for more than there is, and what others say."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert is_out_of_memory(caught.value)
    with pytest.raises(MemoryError) as too_much:
        bytearray(2**60)
    assert is_out_of_memory(too_much.value)
    for text in (
        "MPS backend out of memory (MPS allocated: 1 GB)",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ):
        assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(RuntimeError("size mismatch"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_spans_are_few_and_even() -> None:
    """Every row once, in order."""
    for rows in range(1, 40):
        for most in range(1, 12):
            parts = spans(rows, most)
            assert [row for part in parts for row in range(rows)[part]] == list(range(rows))
            sizes = [part.stop - part.start for part in parts]
            assert max(sizes) <= most
            assert max(sizes) - min(sizes) <= 1
            assert len(parts) == -(-rows // most)
