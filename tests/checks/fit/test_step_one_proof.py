"""FIT005 step-one-proof."""

from typing import Any

from tunewell.checks.fit.step_one_proof import step_one_proof
from tunewell.subjects.model_state import ModelState, TensorStep
from tunewell.testing import CheckCases


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
        "the first step of a long warm-up": state(tensor("norm", moved=False), rate=1e-9),
    }
    clean = {"all trained": state()}
