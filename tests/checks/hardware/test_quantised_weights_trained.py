"""HW016 quantised-weights-trained, beside what the Trainer says of such a model."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from tests.checks.tiny_trainers import arguments, language_model

from tunewell.checks.hardware.quantised_weights_trained import quantised_weights_trained
from tunewell.core.finding import Confidence
from tunewell.subjects.recipe import Adapter, Hardware, Recipe
from tunewell.subjects.script import Script
from tunewell.testing import CheckCases, run_check

FOUR = Hardware(load_in_4bit=True)
EIGHT = Hardware(load_in_8bit=True)


def script(text: str) -> Script:
    """A script of this text."""
    return Script(Path("train.py"), ast.parse(text))


class TestQuantisedWeightsTrained(CheckCases):
    """Planted, nearly faulty and clean recipes."""

    check = quantised_weights_trained
    faulty = {
        "four bits": (Recipe(hardware=FOUR, format="trl"),),
        "eight bits": (Recipe(hardware=EIGHT, format="llamafactory"),),
        "axolotl": (Recipe(hardware=FOUR, format="axolotl"),),
        "a script without PEFT": (
            Recipe(hardware=FOUR, format="transformers"),
            script("Trainer(model=model).train()"),
        ),
    }
    nearly = {
        "an adapter": (Recipe(method="qlora", adapter=Adapter(), hardware=FOUR),),
        "an adapter in the script": (
            Recipe(hardware=FOUR, format="transformers"),
            script("model = get_peft_model(model, config)"),
        ),
    }
    clean = {"whole weights": (Recipe(format="trl"),)}


@pytest.mark.reproduces("P27")
@pytest.mark.filterwarnings("ignore:.*will be removed in v6:FutureWarning")  # PEFT uses old names
def test_the_trainer_really_refuses_it(tmp_path: Path) -> None:
    """By the mark that a quantised model carries; with an adapter it is let through."""
    from peft import LoraConfig, get_peft_model
    from transformers import Trainer

    model = language_model()
    model.is_quantized = True
    with pytest.raises(ValueError, match="purely quantized models"):
        Trainer(model=model, args=arguments(tmp_path))
    model.hf_quantizer = type("Quantizer", (), {"is_trainable": True})()
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"]))
    Trainer(model=adapted, args=arguments(tmp_path))
    found = run_check(quantised_weights_trained, (Recipe(hardware=FOUR, format="trl"),)).findings
    assert found[0].confidence is Confidence.HIGH
