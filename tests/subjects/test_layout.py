"""Records of every kind as parts, and back."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewell.subjects.layout import Kind, Layout
from tunewell.subjects.parts import Role
from tunewell.subjects.reading import Irregular

ALPACA = Layout(Kind.INSTRUCTION, {"instruction": "q", "input": "x", "output": "a"})
CHAT = Layout(Kind.CHAT, {"messages": "messages"})
PAIRS = Layout(Kind.PREFERENCE, {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"})


def parts(layout: Layout, record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(part.role.name, part.text) for part in layout.read(record).parts]


def test_an_empty_input_is_no_part_and_an_empty_answer_is_one() -> None:
    assert parts(ALPACA, {"q": "do", "x": "", "a": ""}) == [("PROMPT", "do"), ("ANSWER", "")]
    assert parts(ALPACA, {"q": "do", "x": "it", "a": None}) == [
        ("PROMPT", "do"),
        ("INPUT", "it"),
        ("ANSWER", ""),
    ]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}],
        [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}],
        [
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "hi"}]},
            {"role": "model", "content": "ho"},
        ],
    ],
)
def test_messages_of_every_style(messages: list[dict[str, Any]]) -> None:
    reading = CHAT.read({"messages": messages})
    assert [(p.role, p.text) for p in reading.parts] == [(Role.PROMPT, "hi"), (Role.ANSWER, "ho")]
    assert not reading.irregular


def test_what_is_odd_about_messages_is_noted() -> None:
    reading = CHAT.read(
        {
            "messages": [
                {"role": "bot", "content": "hi", "thinking": "long thoughts"},
                {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]},
                {"role": "user", "content": 5},
            ]
        }
    )
    assert [what for what, _ in reading.irregular] == [
        Irregular.ROLE,
        Irregular.KEY,
        Irregular.TOOL_CALL,
        Irregular.CONTENT,
    ]


@pytest.mark.parametrize("messages", [None, [], "hi", [5], [{"text": "hi"}]])
def test_what_is_no_conversation_is_told(messages: object) -> None:
    assert CHAT.read({"messages": messages}).problem


def test_shared_turns_of_a_pair_are_its_prompt() -> None:
    shared = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:"
    record = {"chosen": f"{shared} yes", "rejected": f"{shared} no"}
    layout = Layout(Kind.PREFERENCE, {"chosen": "chosen", "rejected": "rejected"})
    assert parts(layout, record) == [
        ("PROMPT", "a"),
        ("ANSWER", "b"),
        ("PROMPT", "c"),
        ("CHOSEN", "yes"),
        ("REJECTED", "no"),
    ]


def test_sides_with_different_prompts_are_noted() -> None:
    layout = Layout(Kind.PREFERENCE, {"chosen": "chosen", "rejected": "rejected"})
    reading = layout.read(
        {"chosen": "\n\nHuman: a\n\nAssistant: x", "rejected": "\n\nHuman: b\n\nAssistant: y"}
    )
    assert [what for what, _ in reading.irregular] == [Irregular.PROMPT_DIFFERS]


RECORDS = (
    (ALPACA, {"q": "do", "x": "it", "a": "done"}),
    (CHAT, {"messages": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]}),
    (PAIRS, {"prompt": "p", "chosen": "c", "rejected": "r"}),
    (
        PAIRS,
        {
            "prompt": [{"role": "user", "content": "p"}],
            "chosen": [{"role": "assistant", "content": "c"}],
            "rejected": [{"role": "assistant", "content": "r"}],
        },
    ),
)


@given(st.sampled_from(RECORDS), st.integers(0, 2), st.text())
def test_what_is_written_is_read_back(
    case: tuple[Layout, dict[str, Any]], part: int, new: str
) -> None:
    layout, record = case[0], copy.deepcopy(case[1])
    before = layout.read(record).parts
    part %= len(before)
    if before[part].role is Role.INPUT and not new:
        return
    layout.write(record, part, new)
    after = layout.read(record).parts
    assert [p.text for p in after] == [new if at == part else p.text for at, p in enumerate(before)]
