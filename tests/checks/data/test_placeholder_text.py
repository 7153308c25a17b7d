"""DAT018 placeholder-text."""

from tunewell.checks.data.placeholder_text import placeholder_text
from tunewell.core.finding import DropRows, SetText
from tunewell.testing import CheckCases, dataset, rows, run_check


def told(instruction: str, answer: str, given: str = "") -> dict[str, str]:
    return {"instruction": instruction, "input": given, "output": answer}


def chat(asked: str) -> dict[str, object]:
    return {
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": "It is on its way."},
        ]
    }


FULL = told("Name a river in France.", "The Loire.")


class TestPlaceholderText(CheckCases):
    """Planted, nearly faulty and clean data."""

    check = placeholder_text
    faulty = {
        "no input": (rows([FULL, told("Name a polygon.", "A square.", "<noinput>")]),),
        "no input in words": (
            rows([FULL, told("Name a polygon.", "A square.", "No input required.")]),
        ),
        "no input, numbered": (rows([FULL, told("Name a bird.", "A wren.", "<noinput> 8")]),),
        "not applicable": (rows([FULL, told("Name a polygon.", "A square.", "N/A")]),),
        "both sides": (rows([FULL, told("Draw a polygon.", "N/A", "N/A")]),),
        "in Chinese": (rows([FULL, told("说出一种鸟。", "燕子", "无输入")]),),
        "a mark in a sentence": (
            rows([FULL, told("Fill the gap.", "The boy hit it.", "The boy <noinput> it.")]),
        ),
        "no output": (rows([FULL, told("Draw a logo.", "<nooutput>")]),),
        "no output, and why": (
            rows([FULL, told("Paint a sea.", "No output, as a GPT model cannot paint.")]),
        ),
        "an unfilled slot": (rows([FULL, told("Answer this: {question}", "It depends.")]),),
        "a slot in a chat": (rows([chat("Hi."), chat("Where is order {{Order Number}}?")]),),
        "something to insert": (
            rows([FULL, told("Sum up the poem.", "It is about age.", "[Insert poem]")]),
        ),
        "an answer to be written": (
            rows(
                [
                    {"prompt": "What is a verb?", "completion": "Your answer here"},
                    *[
                        {"prompt": f"What is {n} and {n}?", "completion": f"It is {2 * n}."}
                        for n in range(60)
                    ],
                ]
            ),
        ),
        "a deleted post": (dataset(["good film", "[deleted]"], ["pos", "neg"]),),
        "an empty cell of a table": (dataset(["good film", "NaN"], ["pos", "neg"]),),
    }
    nearly = {
        "a template is what it is about": (
            rows([told("What does the placeholder {question} in a template do?", "It is filled.")]),
        ),
        "N/A was asked for": (
            rows([told("Give the date, or N/A if there is none.", "N/A", "A sunny day in May.")]),
        ),
        "an answer among others": (
            rows([told("Which date?", "N/A", f"Note {n}") for n in range(9)]),
        ),
        "code": (
            rows([told("Greet people.", "print(f'Hello {name}')", "name = {input}; print(name)")]),
        ),
        "a formula": (rows([told("Solve it.", "x = 2", r"\text{input} = \frac{4}{x}")]),),
        "a letter": (rows([told("Write a letter.", "Dear [Name],\nHello.\nYours, [Your Name]")]),),
        "a list in code": (rows([told("Reverse the list.", "NULL<-2<-1", "1->2->NULL")]),),
        "no output by a program": (
            rows([told("What is the output of this program?", "No output", "pass")]),
        ),
        "input as a word": (
            rows([told("Explain.", "People have no input over the decisions of their king.")]),
        ),
        "none of them": (dataset(["none of my cards work", "it is a nan bread"], ["a", "b"]),),
    }
    clean = {"full rows": (rows([FULL]),), "texts": (dataset(["hi", "ok"], ["a", "b"]),)}


def test_inputs_are_emptied_and_other_rows_dropped() -> None:
    subjects = (
        rows(
            [FULL, told("Name a bird.", "A wren.", "noinput"), told("Draw.", "<nooutput>", "N/A")]
        ),
    )
    (finding,) = run_check(placeholder_text, subjects).findings
    assert finding.fixes[0].title == "empty 1 input and drop 1 row"
    assert finding.fixes[0].edits == (
        SetText(split="train", row=1, old="noinput", new="", part=1),
        DropRows(split="train", rows=(2,)),
    )
