"""DAT041 conversation-without-answer."""

from tunewell.checks.data.conversation_without_answer import conversation_without_answer
from tunewell.core.finding import Severity
from tunewell.testing import CheckCases, rows, run_check


def talk(*roles: str) -> dict[str, object]:
    """A conversation of these roles."""
    return {"messages": [{"role": role, "content": f"said by {role}"} for role in roles]}


GOOD = talk("user", "assistant")
CALL = {"function": {"name": "f", "arguments": {}}}


class TestConversationWithoutAnswer(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = conversation_without_answer
    faulty = {
        "no answer": (rows([GOOD, GOOD, GOOD, talk("system", "user")]),),
        "two of the user": (rows([GOOD, GOOD, GOOD, talk("user", "user")]),),
        "ends with the user": (rows([GOOD, talk("user", "assistant", "user")]),),
        "ends with a tool": (rows([GOOD, talk("user", "assistant", "tool")]),),
        "roles mapped wrongly": (rows([talk("user", "assistant", "user", "user")] * 5),),
        "prompts alone": (rows([talk("user")] * 3),),
        "in the evaluation": (rows([GOOD], evaluation=[GOOD, GOOD, GOOD, talk("user")]),),
    }
    nearly = {
        "ends with a call": (
            rows(
                [
                    {
                        "messages": [
                            {"role": "user", "content": "a"},
                            {"role": "assistant", "tool_calls": [CALL]},
                        ]
                    }
                ]
            ),
        ),
        "an empty answer": (
            rows([{"messages": [{"role": r, "content": ""} for r in ("user", "assistant")]}]),
        ),
        "no conversation": (rows([{"instruction": "a", "output": "b c d e"}]),),
    }
    clean = {
        "one turn": (rows([GOOD] * 3),),
        "many turns": (rows([talk("system", *("user", "assistant") * 5)]),),
    }


def test_severity_follows_what_the_rows_can_be_for() -> None:
    def severity(name: str) -> Severity | None:
        subjects = TestConversationWithoutAnswer.faulty[name]
        return run_check(conversation_without_answer, subjects).findings[0].severity

    assert severity("no answer") is Severity.ERROR
    assert severity("ends with the user") is Severity.WARNING
    assert severity("prompts alone") is Severity.INFO
