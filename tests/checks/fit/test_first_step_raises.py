"""FIT015 first-step-raises, on real trainers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny
from tests.preflight.looks import seen

from tunewell.checks.fit.first_step_raises import first_step_raises
from tunewell.core.finding import Confidence, Text
from tunewell.preflight import trial
from tunewell.subjects.model_state import ModelState
from tunewell.testing import CheckCases, run_check


def head_by_hand(out: Path) -> Any:  # noqa: ANN401
    """C05: three outputs where the configuration says two."""
    import torch

    model = tiny.encoder(num_labels=2)
    model.classifier = torch.nn.Linear(32, 3)
    return tiny.classifier(out, model=model)


def mixed(out: Path) -> Any:  # noqa: ANN401
    """P28: half of the layers in 16 bits and no autocast."""
    import torch

    model = tiny.encoder(num_labels=3)
    model.bert.encoder.layer[1].to(torch.bfloat16)
    return tiny.classifier(out, model=model)


def own_error(out: Path) -> Any:  # noqa: ANN401
    """An exception that stands for no known cause."""

    def broken(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ANN401, ARG001
        message = "no such thing"
        raise KeyError(message)

    trainer = tiny.classifier(out)
    trainer.compute_loss_func = broken
    return trainer


FAULTY: dict[str, tuple[Callable[[Path], Any], str, Confidence]] = {
    "a head by hand": (head_by_hand, "3 outputs and config.num_labels is 2", Confidence.HIGH),
    "mixed types": (mixed, "same dtype", Confidence.HIGH),
    "labels outside the head": (
        lambda out: tiny.classifier(out, model=tiny.encoder(num_labels=2)),
        "out of bounds",
        Confidence.HIGH,
    ),
    "an unknown exception": (own_error, "no such thing", Confidence.MEDIUM),
}


@pytest.mark.reproduces("C05", "P28")
@pytest.mark.parametrize(("build", "said", "confidence"), FAULTY.values(), ids=FAULTY)
def test_real_steps_are_found(
    build: Callable[[Path], Any], said: str, confidence: Confidence, tmp_path: Path
) -> None:
    trainer = build(tmp_path)
    found = run_check(first_step_raises, (tiny.stepped(trainer), tiny.looked(trainer))).findings
    assert [said in finding.message for finding in found] == [True]
    assert found[0].confidence is confidence


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_over_a_frozen_base_no_longer_fails(reentrant: bool, tmp_path: Path) -> None:
    # O12: the trainer of transformers 5 enables the gradients of the inputs itself.
    model = tiny.lora(tiny.encoder(num_labels=3), target_modules=["query"], task_type="SEQ_CLS")
    trainer = tiny.classifier(
        tmp_path,
        model=model,
        gradient_checkpointing=True,
        gradient_checkpointing_kwargs={"use_reentrant": reentrant},
    )
    state = tiny.stepped(trainer)
    assert state.raised is None
    assert all(tensor.moved for tensor in state.tensors if "lora_B" in tensor.name)


def ended(raised: str | None) -> ModelState:
    return ModelState(tensors=(), learning_rate=0.0, raised=raised)


class TestFirstStepRaises(CheckCases):
    """Steps written down."""

    check = first_step_raises
    faulty = {"out of memory": (ended("torch.OutOfMemoryError: CUDA out of memory."),)}
    nearly = {"nothing trainable": (ended("RuntimeError: element 0"), tiny.setup(trainable=0))}
    clean = {"a step": (ended(None),)}


def test_what_another_check_names_is_left_to_it(tmp_path: Path) -> None:
    trainer = tiny.classifier(tmp_path, model=tiny.encoder(num_labels=2))
    first = seen(lambda _: trainer, (trial.PROBE,))
    subjects = (*first, tiny.stepped(trainer), tiny.looked(trainer))
    outcomes = run_check(first_step_raises, subjects)
    assert "labels outside of the head" in outcomes.not_applicable[0].reason


def test_the_users_own_line_is_shown(tmp_path: Path) -> None:
    trainer = own_error(tmp_path)
    first = seen(lambda _: trainer, (trial.PROBE,))
    found = run_check(first_step_raises, (*first, tiny.stepped(trainer))).findings[0]
    assert found.evidence[1] == Text(
        name=f"line {broken_line()} of {__file__}", text="raise KeyError(message)"
    )


def broken_line() -> int:
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return next(at for at, line in enumerate(lines, 1) if line.strip() == "raise KeyError(message)")
