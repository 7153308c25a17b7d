"""DAT053 prompt-not-shared."""

from tunewell.checks.data.prompt_not_shared import prompt_not_shared
from tunewell.testing import CheckCases, rows


def talk(*turns: str) -> list[dict[str, str]]:
    """Messages of user and assistant by turns."""
    return [
        {"role": "user" if at % 2 == 0 else "assistant", "content": text}
        for at, text in enumerate(turns)
    ]


class TestPromptNotShared(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = prompt_not_shared
    faulty = {
        "other questions": (
            rows([{"chosen": talk("Price?", "Five."), "rejected": talk("Open?", "At nine.")}]),
        ),
        "one side goes on": (
            rows(
                [
                    {
                        "chosen": talk("Price?", "Five.", "Thanks", "Welcome"),
                        "rejected": talk("Price?", "Six."),
                    }
                ]
            ),
        ),
        "a dialogue as text": (
            rows(
                [
                    {
                        "chosen": "\n\nHuman: a\n\nAssistant: b\n\nAssistant: c",
                        "rejected": "\n\nHuman: a\n\nAssistant: d",
                    }
                ]
            ),
        ),
    }
    nearly = {
        "the same long history": (
            rows(
                [{"chosen": talk("a", "b", "c", "d"), "rejected": talk("a", "b", "c", "other end")}]
            ),
        ),
        "the prompt in a column": (rows([{"prompt": "a", "chosen": "b", "rejected": "c"}]),),
    }
    clean = {"one turn": (rows([{"chosen": talk("a", "b"), "rejected": talk("a", "c")}]),)}
