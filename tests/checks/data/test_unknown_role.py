"""DAT042 unknown-role."""

from tunewell.checks.data.unknown_role import unknown_role
from tunewell.testing import CheckCases, rows, run_check


def said(*turns: tuple[str, object]) -> dict[str, object]:
    """A row of messages."""
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


CALL = {"type": "function", "function": {"name": "f", "arguments": {}}}


class TestUnknownRole(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = unknown_role
    faulty = {
        "a word of its own": (rows([said(("user", "a"), ("narrator", "b"))]),),
        "another case": (rows([said(("User", "a"), ("Assistant", "b"))]),),
        "white space": (rows([said(("user ", "a"), ("assistant", "b"))]),),
        "null": (rows([said(("user", None), ("assistant", "b"))]),),
        "a number": (rows([said(("user", "2+2"), ("assistant", 4))]),),
        "no content": (rows([{"messages": [{"role": "user"}]}]),),
        "an empty list": (rows([said(("user", []), ("assistant", "b"))]),),
        "in a preference": (
            rows(
                [
                    {
                        "chosen": said(("user", "a"), ("bot", "b"))["messages"],
                        "rejected": said(("user", "a"), ("bot", "c"))["messages"],
                    }
                ]
            ),
        ),
    }
    nearly = {
        "null beside a call": (
            rows(
                [
                    {
                        "messages": [
                            {"role": "user", "content": "a"},
                            {"role": "assistant", "content": None, "tool_calls": [CALL]},
                        ]
                    }
                ]
            ),
        ),
        "pieces": (rows([said(("user", [{"type": "text", "text": "a"}]), ("assistant", "b"))]),),
        "an image alone": (rows([said(("user", [{"type": "image"}]), ("assistant", "b"))]),),
        "developer": (rows([said(("developer", "a"), ("user", "b"), ("assistant", "c"))]),),
    }
    clean = {
        "OpenAI": (rows([said(("system", "s"), ("user", "a"), ("assistant", "b"))]),),
        "ShareGPT": (
            rows([{"conversations": [{"from": f, "value": "a"} for f in ("human", "gpt")]}]),
        ),
    }


def test_no_messages_no_statement() -> None:
    outcomes = run_check(unknown_role, (rows([{"instruction": "a", "output": "b c d"}]),))
    assert not outcomes.findings
    assert outcomes.not_applicable
