"""DAT096 reasoning-dropped."""

from tests.facts.conversations import turns
from tests.facts.reasoning_templates import QWEN_3, QWEN_3_TRAINING, R1
from tests.facts.templates import CHATML, model

from tunewell.checks.data.reasoning_dropped import reasoning_dropped
from tunewell.testing import CheckCases, rows

THINKS = "<think>\nFirst I count the {} apples.\n</think>\n\nThere are {}."
ONE_TURN = [turns("How many?", THINKS.format("red", 3))]
TWO_TURNS = [turns("How many?", THINKS.format("red", 3), "And now?", THINKS.format("green", 4))]


class TestReasoningDropped(CheckCases):
    """Thoughts in one turn and in several."""

    check = reasoning_dropped
    faulty = {
        "past turns": (rows(TWO_TURNS * 3), model(QWEN_3)),
        "every turn": (rows(ONE_TURN), model(R1)),
    }
    nearly = {
        "the last turn": (rows(ONE_TURN * 3), model(QWEN_3)),
        "empty thoughts": (
            rows([turns("Hi", "<think>\n\n</think>\n\nHello.", "Hi", "Hello.")]),
            model(QWEN_3),
        ),
        "one row in two hundred": (rows(ONE_TURN * 199 + TWO_TURNS), model(QWEN_3)),
    }
    clean = {
        "a template that keeps all": (rows(TWO_TURNS), model(CHATML)),
        "a template for training": (rows(TWO_TURNS), model(QWEN_3_TRAINING)),
        "no thoughts": (rows([turns("Hi", "Hello.")]), model(QWEN_3)),
    }
