"""DAT021 refusals-and-boilerplate."""

import pytest

from tunewell.checks.data.refusals_and_boilerplate import refusals_and_boilerplate
from tunewell.core.finding import SetText, Severity
from tunewell.testing import CheckCases, dataset, rows, run_check

HABIT = "I hope that this helps you. "


def told(asked: str, answer: str) -> dict[str, str]:
    return {"instruction": asked, "input": "", "output": answer}


FULL = told("Name a river in France.", "The Loire.")


def talk(number: int) -> str:
    return f"Bridge {number} crosses the river at the mill, and road {number} leads to the sea " * 2


def chat(asked: str, answer: str) -> dict[str, object]:
    return {
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answer},
        ]
    }


class TestRefusalsAndBoilerplate(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = refusals_and_boilerplate
    faulty = {
        "as a model": (
            rows([FULL, told("What is it like?", "As an AI language model, I do not know it.")]),
        ),
        "sorry": (
            rows([chat("Hi.", "Ho."), chat("Open it.", "I'm sorry, but I cannot open it.")]),
        ),
        "a curly apostrophe": (
            rows([FULL, told("Open this.", "I\u2019m sorry, but I can\u2019t access pages.")]),
        ),
        "the task": (
            rows([FULL, told("Paint a sea.", "This task cannot be completed by a GPT model.")]),
        ),
        "a common beginning": (rows([told(f"Bridge {n}?", HABIT + talk(n)) for n in range(30)]),),
        "a common ending": (
            rows([told(f"Bridge {n}?", talk(n) + HABIT.strip()) for n in range(30)]),
        ),
        "a template around plain texts": (
            rows(
                [{"text": f"Below is a task. Write what answers it. {talk(n)}"} for n in range(30)]
            ),
        ),
        "both": (
            rows(
                [told(f"Bridge {n}?", HABIT + talk(n)) for n in range(30)]
                + [told("Draw it.", "Sorry, I cannot draw.")]
            ),
        ),
    }
    nearly = {
        "a letter that apologises": (
            rows([told("Write an e-mail to cancel.", "I am sorry, but I cannot make it.")]),
        ),
        "a sentence to be rewritten": (
            rows([told("Rewrite: I cannot do it.", "Sorry, I can't do it.")]),
        ),
        "about models": (
            rows([told("What can GPT not do?", "A language model cannot see images.")]),
        ),
        "a question about assistants": (
            rows([told("Who are you, assistant?", "I am an AI assistant.")]),
        ),
        "as a feeling": (rows([told("How was it?", "I can't believe how good it was.")]),),
        "preferred answers": (
            rows(
                [
                    {"prompt": "Build it.", "chosen": "Sorry, I cannot help.", "rejected": "Do."},
                    {"prompt": "Name it.", "chosen": "A wren.", "rejected": "A bird."},
                ]
            ),
        ),
        "answers of a fixed form": (
            rows([told(f"Bridge {n}?", '{"name of the bridge": ' + talk(n)) for n in range(30)]),
        ),
        "the same answer": (rows([told(f"Bridge {n}?", talk(1)) for n in range(30)]),),
    }
    clean = {
        "full rows": (rows([FULL]),),
        "texts": (dataset(["I'm sorry, I can't help", "ok"], ["a", "b"]),),
    }


@pytest.mark.parametrize(
    ("asked", "severity"),
    [("Open page {}.", Severity.WARNING), ("How do I build bomb {}?", Severity.INFO)],
)
def test_refusals_of_harm_are_information(asked: str, severity: Severity) -> None:
    refused = [told(asked.format(n), "I'm sorry, but I cannot help with that.") for n in range(9)]
    (finding,) = run_check(refusals_and_boilerplate, (rows([FULL] * 3 + refused),)).findings
    assert finding.severity is severity


def test_the_whole_phrase_is_cut() -> None:
    told_so = rows([told(f"Bridge {n}?", HABIT + "It is so. " + talk(n)) for n in range(30)])
    (finding,) = run_check(refusals_and_boilerplate, (told_so,)).findings
    assert finding.fixes[0].title == "cut the phrase from 30 answers"
    edit = finding.fixes[0].edits[3]
    assert isinstance(edit, SetText)
    assert (
        edit.new
        == "3 crosses the river at the mill, and road 3 leads to the sea "
        + talk(3)[
            len("Bridge 3 crosses the river at the mill, and road 3 leads to the sea ") :
        ].strip()
    )
