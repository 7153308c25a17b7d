"""DAT045 tool-call-shape."""

from typing import Any

from tunewell.checks.data.tool_call_shape import tool_call_shape
from tunewell.testing import CheckCases, rows

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]


def calling(call: object, *, key: str = "tool_calls", **more: object) -> dict[str, Any]:
    """A row whose assistant makes a call."""
    asks = {"role": "user", "content": "Will it rain?"}
    return {"messages": [asks, {"role": "assistant", "content": None, key: call}], **more}


def call(name: str = "weather", arguments: object = '{"city": "Oslo"}') -> dict[str, Any]:
    """A call as OpenAI writes it."""
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}


def answered(answer_to: str) -> dict[str, Any]:
    """A row with a call and its result."""
    row = calling([call()])
    row["messages"].append({"role": "tool", "tool_call_id": answer_to, "content": "rain"})
    return row


SHAREGPT = {
    "conversations": [
        {"from": "human", "value": "a"},
        {"from": "function_call", "value": '{"name": "weather", "arguments": {}}'},
    ],
    "tools": '[{"name": "weather", "parameters": {}}]',
}


class TestToolCallShape(CheckCases):
    """Planted, nearly faulty and clean cases."""

    check = tool_call_shape
    faulty = {
        "single quotes": (rows([calling([call(arguments="{'city': 'Oslo'}")])]),),
        "no name": (rows([calling([call(name="")])]),),
        "arguments are a list": (rows([calling([call(arguments=["Oslo"])])]),),
        "no list": (rows([calling("weather(Oslo)")]),),
        "not offered": (rows([calling([call("forecast")], tools=TOOLS)]),),
        "answers another call": (rows([answered("c2")]),),
        "a turn that is no JSON": (
            rows([{"conversations": [{"from": "function_call", "value": "weather(Oslo)"}]}]),
        ),
        "a turn of another tool": (
            rows([{**SHAREGPT, "tools": '[{"name": "time", "parameters": {}}]'}]),
        ),
        "the older key": (
            rows([calling(call(arguments="Oslo")["function"], key="function_call")]),
        ),
    }
    nearly = {
        "no list of tools": (rows([calling([call("forecast")])]),),
        "tools as prose": (rows([calling([call("forecast")], tools="You may call forecast.")]),),
        "arguments as an object": (rows([calling([call(arguments={"city": "Oslo"})])]),),
        "the older key": (rows([calling(call()["function"], key="function_call")]),),
        "no call at all": (rows([{"messages": [{"role": "user", "content": "{'a': 1}"}]}]),),
    }
    clean = {
        "offered": (rows([calling([call()], tools=TOOLS)]),),
        "answered": (rows([answered("c1")]),),
        "ShareGPT": (rows([SHAREGPT]),),
    }
