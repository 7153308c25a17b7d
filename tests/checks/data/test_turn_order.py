"""DAT040 turn-order."""

import time
from typing import Any

import pytest
from tests.facts.templates import CHATML, GEMMA, LLAMA_3, MISTRAL, model

from tunewell.checks.data.turn_order import turn_order
from tunewell.core.finding import JoinTurns, Severity, Table
from tunewell.testing import CheckCases, rows, run_check


def talk(*roles: str) -> dict[str, Any]:
    """A conversation of these roles."""
    return {"messages": [{"role": role, "content": f"said by {role}"} for role in roles]}


GOOD = talk("user", "assistant")
CALLED = {
    "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "content": "1"},
        {"role": "tool", "content": "2"},
        {"role": "assistant", "content": "b"},
    ]
}
PIECES = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
    ]
}


class TestTurnOrder(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = turn_order
    faulty = {
        "two of the user": (rows([GOOD, talk("user", "user", "assistant")]),),
        "two of the assistant": (rows([GOOD, talk("user", "assistant", "assistant")]),),
        "starts with the assistant": (rows([talk("assistant", "user", "assistant")]),),
        "the assistant after the system": (rows([talk("system", "assistant", "user")]),),
        "system later": (rows([talk("user", "system", "assistant")]),),
        "two systems": (rows([talk("system", "system", "user", "assistant")]),),
        "a result of nothing": (rows([talk("user", "assistant", "tool", "assistant")]),),
        "no system for Gemma": (rows([GOOD, talk("system", "user", "assistant")]), model(GEMMA)),
        "turns for Gemma": (rows([talk("user", "user")]), model(GEMMA)),
        "turns for Mistral": (rows([GOOD, talk("assistant", "user")]), model(MISTRAL)),
        "tools for Mistral": (rows([CALLED]), model(MISTRAL)),
        "a template that is none": (rows([GOOD]), model("{% for %}")),
        "one of many": (
            rows([GOOD] * 6000 + [talk("user", "user", "assistant")]),
            model(MISTRAL),
        ),
        "in a preference": (
            rows([{"chosen": t, "rejected": t[:2] + t[:1]}
                  for t in [talk("system", "user", "assistant")["messages"]]]),
            model(GEMMA),
        ),
    }  # fmt: skip
    nearly = {
        "ChatML takes any order": (rows([talk("user", "user", "system")]), model(CHATML)),
        "Llama 3 takes a call": (rows([CALLED]), model(LLAMA_3)),
        "a call and two results": (rows([CALLED]),),
        "several pieces in a message": (rows([PIECES]),),
        "tools in a column": (rows([{**GOOD, "tools": [{"name": "f"}]}]),),
        "ends with the user": (rows([talk("user", "assistant", "user")]),),
        "a dialogue as text": (
            rows([{side: f"\n\nHuman: a\n\nAssistant: {side}" for side in ("chosen", "rejected")}]),
            model(GEMMA),
        ),
    }  # fmt: skip
    clean = {
        "system first": (rows([talk("system", "user", "assistant")]),),
        "Mistral": (rows([talk("system", "user", "assistant")]), model(MISTRAL)),
        "Gemma": (rows([GOOD]), model(GEMMA)),
        "no template": (rows([GOOD]), model(None)),
    }


def test_reasons_are_counted_apart() -> None:
    records = [talk("system", "user", "assistant")] * 3 + [talk("user", "user")] * 2 + [GOOD] * 5
    (finding,) = run_check(turn_order, (rows(records), model(GEMMA))).findings
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith(
        "5 of 10 rows (50 %) are refused by the model's chat template"
    )
    (table,) = (e for e in finding.evidence if isinstance(e, Table))
    assert [row[:2] for row in table.rows] == [
        ("System role not supported", 3),
        ("Conversation roles must alternate user/assistant/user/assistant/...", 2),
    ]


def test_every_row_of_a_refused_order_is_found_though_few_are_rendered() -> None:
    records = [GOOD] * 50 + [talk("user", "user", "assistant")] * 7
    outcomes = run_check(turn_order, (rows(records), model(MISTRAL)), max_rendered=5)
    assert outcomes.findings[0].where_total == 7


def test_fifty_thousand_conversations_take_a_second_or_two() -> None:
    subjects = (rows([talk("system", *("user", "assistant") * 3)] * 50_000), model(MISTRAL))
    start = time.perf_counter()
    assert not run_check(turn_order, subjects).findings
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("turns", "template", "groups"),
    [
        (("user", "user", "assistant"), None, [(0, 1)]),
        (("user", "assistant", "assistant", "user", "user"), None, [(1, 2), (3, 4)]),
        (("user", "user", "assistant"), MISTRAL, [(0, 1)]),
        (("system", "user", "assistant"), GEMMA, [(0, 1)]),
        (("system", "system", "user", "user", "assistant"), GEMMA, [(0, 1, 2, 3)]),
        (("assistant", "user"), None, []),
        (("assistant", "user"), GEMMA, []),
        (("user", "narrator", "user"), None, []),
        (("user", "tool", "tool", "user", "user"), MISTRAL, []),
    ],
)
def test_turns_are_joined_where_that_cures(
    turns: tuple[str, ...], template: str | None, groups: list[tuple[int, ...]]
) -> None:
    subjects = (rows([talk(*turns)]), model(template))
    findings = run_check(turn_order, subjects).findings
    edits = [edit for found in findings for fix in found.fixes for edit in fix.edits]
    assert [edit.parts for edit in edits if isinstance(edit, JoinTurns)] == groups


def test_messages_with_further_keys_are_left_alone() -> None:
    record = talk("user", "user", "assistant")
    record["messages"][0]["emotion"] = "angry"
    (finding,) = run_check(turn_order, (rows([record]),)).findings
    assert not any(fix.edits for fix in finding.fixes)
