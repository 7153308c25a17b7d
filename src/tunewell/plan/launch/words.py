"""Plain values as the text of YAML, JSON and Python."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"

PLAIN = re.compile(r"[A-Za-z_./][\w./-]*")
READ_OTHERWISE = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})
"""Words that YAML 1.1 takes for something else than text."""


def yaml_text(values: Mapping[str, Value], indent: int = 0) -> str:
    """A mapping as YAML, a line for each key; texts of several lines as blocks."""
    space = "  " * indent
    lines: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines.append(f"{space}{key}:\n{yaml_text(value, indent + 1)}")
        elif isinstance(value, str) and "\n" in value:
            body = "".join(_indented(value.splitlines(), space + "  "))
            lines.append(f"{space}{key}: |\n{body}")
        else:
            lines.append(f"{space}{key}: {_scalar(value)}\n")
    return "".join(lines)


def json_text(values: Mapping[str, Value]) -> str:
    """A mapping as JSON with an indent of two."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def python_text(value: Value, indent: int = 0) -> str:
    """A value as a Python expression, a line for each entry of a mapping."""
    if not isinstance(value, dict):
        return json.dumps(value) if isinstance(value, str) else repr(value)
    space = "    " * (indent + 1)
    entries = "".join(
        f"{space}{json.dumps(key)}: {python_text(item, indent + 1)},\n"
        for key, item in value.items()
    )
    return f"{{\n{entries}{'    ' * indent}}}"


def _indented(lines: Iterable[str], space: str) -> list[str]:
    return [f"{space}{line}\n" if line else "\n" for line in lines]


def _scalar(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    plain = PLAIN.fullmatch(text) is not None and text.lower() not in READ_OTHERWISE
    return text if plain else json.dumps(text, ensure_ascii=False)
