"""Conversations of the kinds that templates treat in their own ways."""

from typing import Any

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def turns(*texts: str, system: str | None = None) -> dict[str, Any]:
    """A row of turns of user and assistant."""
    said = [
        {"role": "assistant" if at % 2 else "user", "content": text}
        for at, text in enumerate(texts)
    ]
    first = [{"role": "system", "content": system}] if system else []
    return {"messages": first + said}


def calling(arguments: object, *, system: str | None = None) -> dict[str, Any]:
    """A row in which the assistant calls a tool with these arguments."""
    call = {
        "id": "c1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": arguments},
    }
    row = turns("Is it cold there today?", system=system)
    row["messages"] += [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "name": "get_weather", "tool_call_id": "c1", "content": "4 degrees"},
        {"role": "assistant", "content": "Yes, it has 4 degrees."},
    ]
    return {**row, "tools": [TOOL]}
