"""DAT095 prompt-not-a-prefix."""

from tests.facts.conversations import calling, turns
from tests.facts.reasoning_templates import QWEN_3, R1, published
from tests.facts.templates import CHATML, GEMMA, LLAMA_3, model

from tunewell.checks.data.prompt_not_a_prefix import prompt_not_a_prefix
from tunewell.core.finding import Text
from tunewell.testing import CheckCases, rows, run_check

PLAIN = [turns("What is two and two?", "Four."), turns("Hello there", "Hi", "And now?", "Now.")]
THOUGHT = [turns("What is two and two?", "<think>\nTwo pairs.\n</think>\n\nFour.")]


class TestPromptNotAPrefix(CheckCases):
    """Templates that open a thought where they generate, and others."""

    check = prompt_not_a_prefix
    faulty = {"a thought is opened": (rows(PLAIN * 5), model(R1))}
    nearly = {
        "an empty thought is part of the answer": (rows(PLAIN), model(QWEN_3)),
        "thoughts in the answers": (rows(THOUGHT), model(QWEN_3)),
        "the last turn is the user's": (rows([turns("Hello"), *PLAIN * 60]), model(CHATML)),
        "tool calls": (rows([calling({"city": "Oslo"})]), model(QWEN_3)),
    }
    clean = {
        "ChatML": (rows(PLAIN), model(CHATML)),
        "Llama 3": (rows(PLAIN), model(LLAMA_3)),
        "Gemma": (rows(PLAIN), model(GEMMA)),
        **{
            name: (rows(PLAIN), model(published(name)))
            for name in (
                "gemma3", "glm4moe", "gptoss", "idefics3", "lfm2", "llama3_2", "llava_next",
                "phi3_5", "qwen2_5", "qwen3_5_think", "qwen3_instruct_2507", "nemotron_3_nano",
            )
        },
    }  # fmt: skip


def test_both_texts_are_shown_from_where_they_part() -> None:
    (finding,) = run_check(
        prompt_not_a_prefix, TestPromptNotAPrefix.faulty["a thought is opened"]
    ).findings
    shown = [e.text for e in finding.evidence if isinstance(e, Text)]
    assert shown[0].startswith("<think>")
    assert shown[1].startswith("Four.")
