"""Edits of JSON text. Indentation and order stay."""

from __future__ import annotations

import json
import re
from typing import Any

from tunewell.facts.config_files.tree import Node, Tree


def set_key(tree: Tree, key: str, value: Any) -> str:  # noqa: ANN401  settings have every type
    """The text with a new value under a dotted key; None takes the key out.

    Raises:
        LookupError: if the key has no place, because its parent is no object.
    """
    text, node = tree.text, tree.find(key)
    if value is None:
        return text if node is None else _without(tree, key, node)
    if node is not None:
        start, end = node.span
        return f"{text[:start]}{_dump(value)}{text[end:]}"
    parent, names = tree.root, key.split(".")
    while len(names) > 1 and (child := (parent.children or {}).get(names[0])) is not None:
        parent, names = child, names[1:]
    if parent.children is None or parent.is_list:
        message = "its parent is no object"
        raise LookupError(message)
    for name in reversed(names[1:]):
        value = {name: value}
    return _with(text, parent, names[0], value)


def rename(tree: Tree, key: str, new: str) -> str:
    """The text with the last part of a dotted key called otherwise.

    Raises:
        LookupError: if the key is not there.
    """
    node = tree.find(key)
    if node is None or node.key == (0, 0):
        message = "there is no such key"
        raise LookupError(message)
    parent = key.rpartition(".")[0]
    if tree.find(f"{parent}.{new}" if parent else new) is not None:
        message = f"{new} is there too"
        raise LookupError(message)
    start, end = node.key
    return f"{tree.text[:start]}{json.dumps(new)}{tree.text[end:]}"


def _with(text: str, parent: Node, name: str, value: Any) -> str:  # noqa: ANN401
    entry = f"{json.dumps(name)}: {_dump(value)}"
    children = list((parent.children or {}).values())
    if not children:
        at = parent.span[0] + 1
        return f"{text[:at]}{entry}{text[parent.span[1] - 1 :]}"
    last = children[-1]
    line = text.rfind("\n", 0, last.key[0])
    indent = text[line + 1 : last.key[0]]
    at = last.span[1]
    if line < 0 or indent.strip():
        return f"{text[:at]}, {entry}{text[at:]}"
    newline = "\r\n" if text[line - 1 : line] == "\r" else "\n"
    return f"{text[:at]},{newline}{indent}{entry}{text[at:]}"


def _without(tree: Tree, key: str, node: Node) -> str:
    text, start, end = tree.text, node.key[0], node.span[1]
    parent_key = key.rpartition(".")[0]
    parent = tree.find(parent_key) if parent_key else tree.root
    after = re.compile(r"\s*,\s*").match(text, end)
    if after is not None:
        return text[:start] + text[after.end() :]
    opening = parent.span[0] + 1 if parent is not None else 1
    before = re.compile(r"\s*,\s*$").search(text[opening:start])
    if before is not None:
        return text[: opening + before.start()] + text[end:]
    space = re.compile(r"\s*").match(text, end)
    return text[:opening] + text[space.end() if space is not None else end :]


def _dump(value: Any) -> str:  # noqa: ANN401
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
