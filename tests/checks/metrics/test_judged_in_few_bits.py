"""MET012 judged-in-few-bits. Quantised weights need a GPU: the rule alone."""

from __future__ import annotations

from tunewell.checks.metrics.judged_in_few_bits import judged_in_few_bits
from tunewell.engine.examine import examine
from tunewell.subjects.recipe import Hardware, Recipe, Saving
from tunewell.testing import CheckCases

FOUR, EIGHT = Hardware(load_in_4bit=True), Hardware(load_in_8bit=True)
BY_STEPS = Saving(eval_strategy="steps")


class TestJudgedInFewBits(CheckCases):
    """Planted, nearly faulty and clean recipes."""

    check = judged_in_few_bits
    faulty = {
        "four": (Recipe(method="qlora", hardware=FOUR, saving=BY_STEPS),),
        "eight": (Recipe(method="lora", hardware=EIGHT, saving=BY_STEPS),),
    }
    nearly = {"never evaluated": (Recipe(method="qlora", hardware=FOUR),)}
    clean = {"whole weights": (Recipe(saving=BY_STEPS),)}


def test_it_is_said_with_pedantic_alone() -> None:
    recipe = Recipe(method="qlora", hardware=FOUR, saving=BY_STEPS)
    assert "MET012" not in {found.code for found in examine([recipe]).findings}
