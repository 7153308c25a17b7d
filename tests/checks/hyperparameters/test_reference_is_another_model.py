"""HYP041 reference-is-another-model, on real DPO trainers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.hyperparameters.reference_is_another_model import reference_is_another_model
from tunewell.preflight.reference import compare
from tunewell.preflight.rehearse import stage_of
from tunewell.subjects.reference import Reference
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet


def measured(trainer: Any) -> Reference:  # noqa: ANN401
    with quiet(1):
        stage = stage_of(trainer)
        assert stage is not None
        return compare(stage)


def saved(out: Path) -> Any:  # noqa: ANN401
    """A model loaded from a folder."""
    from transformers import AutoModelForCausalLM

    with quiet(1):
        tiny.causal().save_pretrained(out / "base")
        return AutoModelForCausalLM.from_pretrained(out / "base")


def tuned_in_memory(out: Path) -> Any:  # noqa: ANN401
    """R08: supervised tuning in this process, then DPO: the reference comes from the folder."""
    model = saved(out)
    tiny.train(tiny.sft(out / "sft", model=model, learning_rate=1e-2, max_steps=6))
    return tiny.dpo(out / "dpo", model)


def another_reference(out: Path) -> Any:  # noqa: ANN401
    model = tiny.causal()
    tiny.train(tiny.sft(out / "sft", model=model, learning_rate=1e-2, max_steps=6))
    return tiny.dpo(out / "dpo", model, ref_model=tiny.causal())


def trained_adapter(out: Path) -> Any:  # noqa: ANN401
    """A trained adapter that is loaded to be trained on: TRL keeps a copy as the reference."""
    from peft import PeftModel

    model = tiny.lora(saved(out))
    tiny.train(tiny.sft(out / "sft", model=model, learning_rate=1e-2, max_steps=6))
    with quiet(1):
        model.save_pretrained(out / "adapter")
        again = PeftModel.from_pretrained(saved(out), out / "adapter", is_trainable=True)
    return tiny.dpo(out / "dpo", again)


FAULTY = {"tuned in memory": tuned_in_memory, "another reference": another_reference}
HEALTHY: dict[str, Callable[[Path], Any]] = {
    "loaded from a folder": lambda out: tiny.dpo(out / "dpo", saved(out)),
    "a copy as the reference": lambda out: tiny.dpo(
        out, tiny.causal(), ref_model=tiny.causal(), disable_dropout=False
    ),
    "LoRA": lambda out: tiny.dpo(out, tiny.lora(tiny.causal(), lora_dropout=0.2)),
    "a trained adapter": trained_adapter,
}


@pytest.mark.reproduces("R08")
@pytest.mark.parametrize("build", FAULTY.values(), ids=FAULTY)
def test_real_trainers_are_found(build: Callable[[Path], Any], tmp_path: Path) -> None:
    assert len(run_check(reference_is_another_model, (measured(build(tmp_path)),)).findings) == 1


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_healthy_trainers_start_at_their_reference(
    build: Callable[[Path], Any], tmp_path: Path
) -> None:
    reference = measured(build(tmp_path))
    assert reference.log_ratio < 1e-3
    assert not run_check(reference_is_another_model, (reference,)).findings


def test_trl_refuses_the_model_as_its_own_reference(tmp_path: Path) -> None:
    model = tiny.causal()
    with pytest.raises(ValueError, match="cannot be the same object"):
        tiny.dpo(tmp_path, model, ref_model=model)  # R09


class TestReferenceIsAnotherModel(CheckCases):
    """Ratios written down."""

    check = reference_is_another_model
    faulty = {"far apart": (Reference("model", 7.0, 8, -30.0),)}
    nearly = {"rounding in bfloat16": (Reference("base", 0.1, 8),)}
    clean = {"the same": (Reference("adapter", 0.0, 8),)}
