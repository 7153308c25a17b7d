"""DAT096 reasoning-dropped."""

from tests.facts.conversations import turns
from tests.facts.reasoning_templates import QWEN_3, QWEN_3_TRAINING, R1
from tests.facts.templates import CHATML, model
from tests.preflight import live, tiny

from tunewell.checks.data.reasoning_dropped import reasoning_dropped
from tunewell.preflight import live_dataset
from tunewell.testing import CheckCases, rows

THINKS = "<think>\nFirst I count the {} apples.\n</think>\n\nThere are {}."
ONE_TURN = [turns("How many?", THINKS.format("red", 3))]
TWO_TURNS = [turns("How many?", THINKS.format("red", 3), "And now?", THINKS.format("green", 4))]


def by_key(template: str) -> live.Subjects:
    """A live trainer whose messages keep their thoughts under a key of their own."""
    rows = [turns("How many?", "Three.", "And now?", "Four.") for _ in range(4)]
    for at, row in enumerate(rows):
        for turn in row["messages"][1::2]:
            turn["reasoning_content"] = f"I count to {at} for {turn['content']}"
    tokens = tiny.tokenizer(template=template)
    trainer = tiny.sft(live.OUT, rows=rows, tokens=tokens, assistant_only_loss=False)
    (batch, _, dataset) = live.with_probes(trainer, live_dataset.PROBE)
    return (batch, dataset, model(template))


class TestReasoningDropped(CheckCases):
    """Thoughts in one turn and in several."""

    check = reasoning_dropped
    faulty = live.Cases(
        past_turns=lambda: (rows(TWO_TURNS * 3), model(QWEN_3)),
        every_turn=lambda: (rows(ONE_TURN), model(R1)),
        past_turns_by_key=lambda: by_key(QWEN_3),
    )
    nearly = {
        "the last turn": (rows(ONE_TURN * 3), model(QWEN_3)),
        "empty thoughts": (
            rows([turns("Hi", "<think>\n\n</think>\n\nHello.", "Hi", "Hello.")]),
            model(QWEN_3),
        ),
        "one row in two hundred": (rows(ONE_TURN * 199 + TWO_TURNS), model(QWEN_3)),
    }
    clean = live.Cases(
        by_key_in_a_template_for_training=lambda: by_key(QWEN_3_TRAINING),
        a_template_that_keeps_all=lambda: (rows(TWO_TURNS), model(CHATML)),
        a_template_for_training=lambda: (rows(TWO_TURNS), model(QWEN_3_TRAINING)),
        no_thoughts=lambda: (rows([turns("Hi", "Hello.")]), model(QWEN_3)),
    )
