"""DAT019 merged-rows."""

from tunewell.checks.data.merged_rows import merged_rows
from tunewell.testing import CheckCases, dataset, rows

TAIL = "\n##\n7. Instruction: Name a bird.\n7. Input:\n<noinput>\n7. Output:\nA wren."


def told(instruction: str, answer: str, given: str = "") -> dict[str, str]:
    return {"instruction": instruction, "input": given, "output": answer}


def chat(asked: str, answer: str) -> dict[str, object]:
    return {
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answer},
        ]
    }


FULL = told("Name a river.", "The Rhine.")


class TestMergedRows(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = merged_rows
    faulty = {
        "numbered records": (rows([FULL, told("Name a river.", "The Loire." + TAIL)]),),
        "asked for a conversation": (
            rows([FULL, told("Write a conversation.", "Hi. Ho." + TAIL)]),
        ),
        "in the instruction": (rows([FULL, told("Name a river." + TAIL, "The Loire.")]),),
        "a whole record in the instruction": (
            rows([FULL, told("Instruction: Add.\nInput: 1 and 2\nOutput: 3", "3")]),
        ),
        "headings of a template": (
            rows(
                [
                    FULL,
                    told("Add.", "It is 3.\n\n### Instruction:\nAdd 2 and 2.\n\n### Response:\n4"),
                ]
            ),
        ),
        "the next turn": (
            rows(
                [
                    chat("Hi.", "Ho."),
                    chat("What is 1 and 2?", "It is 3.\n\nHuman: And 4?\n\nAssistant: It is 7."),
                ]
            ),
        ),
        "a swallowed row of a table": (
            dataset(
                ["where is my card,arrival\nmy card is lost", "hi", "ho"],
                ["lost"] * 2 + ["arrival"],
            ),
        ),
        "messages of a tabbed file": (
            dataset(["see you\nham\tok then\nspam\tWIN NOW", "hi", "ho"], ["ham", "ham", "spam"]),
        ),
    }
    nearly = {
        "asked for instructions": (
            rows([told("Write three instructions with inputs.", "Here they are." + TAIL)]),
        ),
        "an example of input and output": (
            rows([told("Give an example of a task.", "Input: 2 + 3\nOutput: 5")]),
        ),
        "a quiz": (rows([told("Write a quiz.", "Q1: What is 2?\nA1: A number.\n\nQ2: Who?")]),),
        "a dialogue that was asked for": (
            rows([chat("Write a dialogue with a robot.", "Sure.\n\nHuman: Hi.\n\nAssistant: Ho.")]),
        ),
        "comments of a program": (
            rows([told("Sort a list.", "xs.sort()\n# Input\n# [2, 1]\n# Output\n# [1, 2]")]),
        ),
        "a label as a word": (
            dataset(["I paid, lost\nand so on\nand on", "hi", "ho"], ["lost", "lost", "arrival"]),
        ),
        "a few-shot prompt": (
            rows([{"prompt": "Q: 1+1?\nA: 2\nQ: 2+2?\nA:", "completion": "4"}] * 2),
        ),
    }
    clean = {"full rows": (rows([told("Name a river.", "The Loire.")]),)}
