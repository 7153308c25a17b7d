"""Steps simulated in the test's own process, and small ones to do it with."""

from __future__ import annotations

import warnings
from typing import Any

import msgspec

from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Device, Step
from tunewell.simulate.__main__ import simulate

MIB = 1024**2
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "vocab_size": 4096,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}
BERT: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": 4096,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
}
SMALL = Step(config=LLAMA, batch=4, length=512, weights="bf16", device=Device(capability=80))


def answered(step: Step) -> Simulated | NotSimulated:
    """What the simulation says, in this process and as quietly as the child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return simulate(step)


def simulated(step: Step = SMALL, **changes: Any) -> Simulated:  # noqa: ANN401  fields of Step
    """The answer to a step with these changes, which must not be a refusal."""
    answer = answered(msgspec.structs.replace(step, **changes))
    assert isinstance(answer, Simulated), answer.reason
    return answer


def refused(step: Step = SMALL, **changes: Any) -> str:  # noqa: ANN401  fields of Step
    """Why a step with these changes cannot be simulated."""
    answer = answered(msgspec.structs.replace(step, **changes))
    assert isinstance(answer, NotSimulated)
    return answer.reason
