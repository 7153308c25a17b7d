"""What one optimizer step did to each tensor of the model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorStep:
    """One named parameter across one optimizer step.

    `gradient_norm` is None where no gradient arrived, and may be NaN or infinite.
    `in_optimizer` counts the optimizer's groups that hold it: 1 is right for a trainable one.
    `pushed` counts the sampled values that a gradient reached, and `shifted` those of them that
    the step changed; both are 0 where they were not counted. `dtype` is that of the weights.
    """

    name: str
    trainable: bool
    in_optimizer: int
    gradient_norm: float | None
    moved: bool
    finite_after: bool = True
    dtype: str = ""
    pushed: int = 0
    shifted: int = 0


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class ModelState:
    """The step-one proof: every parameter before and after one real optimizer step.

    `learning_rate` is the rate of that step (0 in the first step of a warm-up: then nothing can
    move). `first_loss` is the loss before the step and `classes` the size of the head.
    `raised` is the error with which the step ended instead, and `stand_in` tells that the step was
    one of a small model of the same kind, whose weights mean nothing. `largest_activation` is the
    largest absolute output of a linear layer, infinite where one overflowed, and `largest_layer`
    its name; both are measured in float16 runs alone.
    """

    tensors: tuple[TensorStep, ...]
    learning_rate: float
    first_loss: float | None = None
    classes: int | None = None
    raised: str | None = None
    stand_in: bool = False
    largest_activation: float | None = None
    largest_layer: str = ""
