"""DAT004 empty-text."""

from tunewell.checks.data.empty_text import empty_text
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, dataset, rows, run_check


def chat(*turns: str) -> dict[str, object]:
    words = ("user", "assistant")
    return {"messages": [{"role": words[at % 2], "content": turn} for at, turn in enumerate(turns)]}


def told(instruction: str, answer: str, given: str = "") -> dict[str, str]:
    return {"instruction": instruction, "input": given, "output": answer}


class TestEmptyText(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = empty_text
    faulty = {
        "an empty row": (dataset(["hi", ""], ["a", "b"]),),
        "white space in the evaluation": (
            dataset(["hi", "ho"], ["a", "b"], evaluation=(["x", " \t\u00a0"], ["a", "b"])),
        ),
        "a zero-width space": (dataset(["hi", "\u200b\ufeff"], ["a", "b"]),),
        "an empty answer": (rows([told("Say hi.", "hi"), told("Say ho.", "\n")]),),
        "an empty instruction": (rows([told("Say hi.", "hi"), told("", "ho")]),),
        "an empty turn": (rows([chat("hi", "ho"), chat("hi", "", "hello?", "ho")]),),
        "an empty completion": (
            rows([{"prompt": "a", "completion": "b"}, {"prompt": "a", "completion": ""}]),
        ),
        "the second of a pair": (
            rows(
                [
                    {"sentence1": "a cat", "sentence2": "an animal", "label": "yes"},
                    {"sentence1": "a dog", "sentence2": " ", "label": "no"},
                ]
            ),
        ),
    }
    nearly = {
        "a one-letter row": (dataset(["hi", "k"], ["a", "b"]),),
        "no input": (rows([told("Say hi.", "hi"), told("Say ho.", "ho", " ")]),),
        "all in the input": (rows([told("Say it.", "hi", "hi"), told("", "ho", "Say ho.")]),),
        "an empty system message": (
            rows(
                [{"messages": [{"role": "system", "content": ""}, *chat("hi", "ho")["messages"]]}]
            ),
        ),
        "a tool call without words": (
            rows(
                [
                    {
                        "messages": [
                            {"role": "user", "content": "What time is it?"},
                            {
                                "role": "assistant",
                                "content": "",
                                "tool_calls": [
                                    {"function": {"name": "clock", "arguments": {"zone": "UTC"}}}
                                ],
                            },
                            {"role": "tool", "content": ""},
                            {"role": "assistant", "content": "The clock says nothing."},
                        ]
                    }
                ]
            ),
        ),
    }
    clean = {"full rows": (dataset(["hi", "ok"], ["a", "b"]),)}


def test_empty_question_is_no_error() -> None:
    subjects = (rows([chat("hi", "ho"), chat(" ", "ho")]),)
    (finding,) = run_check(empty_text, subjects).findings
    assert finding.severity is Severity.WARNING
    assert finding.message == "1 of 2 rows (50 %) has an empty question"


def test_empty_answer_is_an_error() -> None:
    subjects = (rows([told("Say hi.", "hi"), told("Say ho.", "")]),)
    (finding,) = run_check(empty_text, subjects).findings
    assert finding.severity is Severity.ERROR
    assert finding.message == "1 of 2 rows (50 %) has an empty answer"
