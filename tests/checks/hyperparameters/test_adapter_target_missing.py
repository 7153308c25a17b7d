"""HYP040 adapter-target-missing, on real models."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

import tunewell
from tunewell.checks.hyperparameters.adapter_target_missing import adapter_target_missing
from tunewell.subjects.setup import AdapterState
from tunewell.testing import CheckCases, run_check


def looked(**settings: Any) -> Any:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as out:
        return tiny.looked(tiny.sft(Path(out), model=tiny.lora(tiny.causal(), **settings)))


def test_a_mistyped_target_is_named() -> None:
    found = run_check(adapter_target_missing, (looked(target_modules=["q_proj", "w1"]),)).findings
    assert ["'w1'" in finding.message for finding in found] == [True]


def test_peft_raises_where_none_matches() -> None:
    with pytest.raises(ValueError, match="w1"):
        looked(target_modules=["w1"])


@pytest.mark.parametrize(
    "targets",
    [["q_proj", "v_proj"], ["self_attn.q_proj", "up_proj"], "all-linear", r".*\.q_proj"],
    ids=str,
)
def test_real_targets_are_quiet(targets: Any) -> None:  # noqa: ANN401
    assert not run_check(adapter_target_missing, (looked(target_modules=targets),)).findings


def test_wrapped_layers_keep_their_names() -> None:
    setup = looked(target_modules=["q_proj"], modules_to_save=["lm_head"])
    assert not run_check(adapter_target_missing, (setup,)).findings


def adapter(*unmatched: str, active: bool = True) -> Any:  # noqa: ANN401
    made = AdapterState("default", "lora", active=active, tensors=2, trainable=2,
                        targets=("q_proj", *unmatched), unmatched=unmatched)  # fmt: skip
    return tiny.setup(adapters=(made,))


class TestAdapterTargetMissing(CheckCases):
    """Setups written down."""

    check = adapter_target_missing
    faulty = {"one of two": (adapter("w1"),)}
    nearly = {"of an adapter that is not in use": (adapter("w1", active=False),)}
    clean = {"all there": (adapter(),)}


def test_the_check_of_a_trainer_tells_it_once(tmp_path: Path) -> None:
    model = tiny.lora(tiny.causal(), target_modules=["q_proj", "w1"])
    document = tunewell.check(tiny.sft(tmp_path, model=model))
    told = [finding.code for finding in document.findings if "'w1'" in finding.message]
    assert told == ["HYP040"]
