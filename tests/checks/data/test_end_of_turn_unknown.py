"""DAT100 end-of-turn-unknown."""

from tests.facts.conversations import turns
from tests.facts.templates import CHATML, GEMMA, LLAMA_3, MISTRAL, model

from tunewell.checks.data.end_of_turn_unknown import end_of_turn_unknown
from tunewell.testing import CheckCases, rows

PLAIN = rows([turns("Hi", "Hello.")] * 3)
ZEPHYR = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}{{ eos_token }}\n"
    "{% endfor %}"
)


class TestEndOfTurnUnknown(CheckCases):
    """Templates for tokenizers that have their end of turn, and that have not."""

    check = end_of_turn_unknown
    faulty = {
        "ChatML": (PLAIN, model(CHATML)),
        "Gemma": (PLAIN, model(GEMMA, "<start_of_turn>")),
        "Llama 3": (PLAIN, model(LLAMA_3, "<|im_end|>")),
    }
    nearly = {
        "turns opened with plain text": (PLAIN, model(ZEPHYR)),
        "an end that is no control token": (
            PLAIN,
            model("{% for m in messages %}{{ m.role }}: {{ m.content }}\n\n{% endfor %}"),
        ),
    }
    clean = {
        "ChatML, known": (PLAIN, model(CHATML, "<|im_start|>", "<|im_end|>")),
        "Mistral": (PLAIN, model(MISTRAL)),
        "no template": (PLAIN, model(None)),
    }
