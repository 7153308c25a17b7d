"""DAT024 repeated-text."""

from tunewell.checks.data.repeated_text import repeated_text
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, dataset, rows, run_check

LOOP = "The river is long and wide. "


def told(asked: str, answer: str, given: str = "") -> dict[str, str]:
    return {"instruction": asked, "input": given, "output": answer}


FULL = told("Name a river in France.", "The Loire.")


def chat(*turns: str) -> dict[str, object]:
    words = ("user", "assistant")
    return {"messages": [{"role": words[at % 2], "content": t} for at, t in enumerate(turns)]}


class TestRepeatedText(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = repeated_text
    faulty = {
        "a loop": (rows([FULL, told("What is it like?", LOOP * 8)]),),
        "a loop that is cut": (rows([FULL, told("What is it like?", "Well. " + (LOOP * 9)[:-9])]),),
        "a short loop": (rows([chat("Hi.", "Ho."), chat("How are you?", "I am fine. " * 30)]),),
        "a loop in the middle": (
            rows([FULL, told("What is it like?", LOOP * 9 + "And so it flows down to the sea.")]),
        ),
        "a learned text": (rows([{"text": LOOP * 9}, {"text": "A river in France."}]),),
        "the instruction": (rows([FULL, told("Draw a cat that runs.", "Draw a cat that runs.")]),),
        "the user's turn": (
            rows(
                [chat("Hi.", "Ho."), chat("Hi.", "Ho.", "Where does it end?", "Where does it end?")]
            ),
        ),
        "the input": (rows([FULL, told("Sort them.", "ash, birch, fir", "ash, birch, fir")]),),
        "said twice": (
            rows([FULL, told('Correct "they was at home".', "They were.", "they was at home")]),
        ),
        "both": (
            rows(
                [
                    FULL,
                    told("Sort ash, birch, fir.", "ash, birch, fir", "ash, birch, fir"),
                    told("Sort fir, ash, birch.", "ash, birch, fir", "fir, ash, birch"),
                ]
            ),
        ),
    }
    nearly = {
        "a song": (rows([told("Write the lyrics of a song.", LOOP * 8)]),),
        "asked to repeat": (rows([told("Repeat this sentence eight times.", LOOP * 8)]),),
        "code": (rows([told("Print it.", "print('the river');\n" * 12)]),),
        "a table": (rows([told("Make a form.", "| name and age |  |\n" * 12)]),),
        "a refrain": (
            rows([told("Describe it.", f"{LOOP}It rises. {LOOP}It runs. {LOOP}It ends in a bay.")]),
        ),
        "a short answer": (rows([told("Is it?", "no no no no"), told("Say yes.", "yes", "yes")]),),
        "rules and lines": (rows([told("Draw a line.", "-" * 300)]),),
    }
    clean = {"full rows": (rows([FULL]),), "texts": (dataset([LOOP * 9, "ok"], ["a", "b"]),)}


def test_inputs_said_twice_are_emptied() -> None:
    subjects = (rows([FULL, told("Name the tallest of ash and fir.", "Fir.", "ash and fir")] * 2),)
    outcomes = run_check(repeated_text, subjects, min_characters=5)
    assert outcomes.findings[0].severity is Severity.INFO
    assert outcomes.findings[0].fixes[0].title == "empty 2 inputs"
