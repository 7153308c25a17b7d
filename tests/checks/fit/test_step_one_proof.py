"""FIT005 step-one-proof."""

from pathlib import Path
from typing import Any

from tests.preflight import tiny

from tunewell.checks.fit.step_one_proof import step_one_proof
from tunewell.core.finding import Severity
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.subjects.setup import AdapterState
from tunewell.testing import CheckCases, run_check


def tensor(name: str, **fields: Any) -> TensorStep:  # noqa: ANN401
    """A healthy tensor but for `fields`."""
    healthy = {"trainable": True, "in_optimizer": 1, "gradient_norm": 0.3, "moved": True}
    return TensorStep(name=name, **{**healthy, **fields})


def state(*odd: TensorStep, rate: float = 1e-4) -> tuple[ModelState]:
    """Nine healthy tensors and the odd ones."""
    usual = tuple(tensor(f"layer.{number}") for number in range(9))
    return (ModelState(tensors=(*usual, *odd), learning_rate=rate),)


class TestStepOneProof(CheckCases):
    """Each way for a tensor to be left behind."""

    check = step_one_proof
    faulty = {
        "not in the optimizer": state(tensor("head", in_optimizer=0, moved=False)),
        "twice": state(tensor("head", in_optimizer=2)),
        "stuck": state(tensor("head", moved=False)),
        "NaN gradient": state(tensor("head", gradient_norm=float("nan"))),
        "most reached by nothing": state(
            *(tensor(f"encoder.{n}", gradient_norm=None, moved=False) for n in range(9))
        ),
        "all frozen": (
            ModelState(
                (tensor("a", trainable=False, in_optimizer=0, gradient_norm=None, moved=False),),
                learning_rate=1e-4,
            ),
        ),
    }
    nearly = {
        "an unused pooler": state(tensor("pooler", gradient_norm=None, moved=False)),
        "a LoRA matrix behind zeros": state(tensor("lora_A", gradient_norm=0.0, moved=False)),
        "frozen on purpose": state(
            tensor("base", trainable=False, in_optimizer=0, gradient_norm=None, moved=False)
        ),
        "a norm in 16 bits": state(tensor("norm", moved=False, dtype="bfloat16")),
        "an adapter that is not in use": (
            *state(*(tensor(f"lora_A.old.{n}", gradient_norm=None, moved=False) for n in range(9))),
            tiny.setup(
                adapters=(AdapterState("old", "lora", active=False, tensors=9, trainable=9),)
            ),
        ),
        "the first step of a long warm-up": state(tensor("norm", moved=False), rate=1e-9),
    }
    clean = {"all trained": state()}


def test_an_idle_part_alone_is_a_warning() -> None:
    idle = [tensor(f"vision.{n}", gradient_norm=None, moved=False) for n in range(9)]
    found = run_check(step_one_proof, state(*idle)).findings
    assert [finding.severity for finding in found] == [Severity.WARNING]


def test_a_head_replaced_after_the_optimizer_was_built(tmp_path: Path) -> None:
    import torch

    trainer = tiny.classifier(tmp_path)
    trainer.optimizer = torch.optim.AdamW(trainer.model.parameters(), lr=1e-4)
    trainer.model.classifier = torch.nn.Linear(32, 3)
    found = run_check(step_one_proof, (tiny.stepped(trainer), tiny.looked(trainer))).findings
    assert "2 not in the optimizer" in found[0].message
    assert "a head replaced" in found[0].fixes[0].title


def test_a_trainer_that_builds_the_optimizer_itself_is_quiet(tmp_path: Path) -> None:
    trainer = tiny.classifier(tmp_path)
    assert not run_check(step_one_proof, (tiny.stepped(trainer), tiny.looked(trainer))).findings
