"""Edits of YAML text. Only the lines of the setting change."""

from __future__ import annotations

import json
import re
from typing import Any

from tunewell.facts.config_files.tree import Node, Tree
from tunewell.facts.config_files.yaml_tree import resolve

PLAIN = re.compile(r"[A-Za-z_./][\w./+-]*( [\w./+-]+)*")
"""Words that need no quotes wherever they stand. More is quoted than must be."""

CAPITALS = frozenset({"True", "False"})


def set_key(tree: Tree, key: str, value: Any) -> str:  # noqa: ANN401  settings have every type
    """The text with a new value under a dotted key; None takes the key out.

    Raises:
        LookupError: if the key has no place: its parent is no mapping, or stands elsewhere.
    """
    node = _own(tree, key)
    if value is None:
        return tree.text if node is None else _without(tree, key, node)
    if node is None:
        return _with(tree, key, value)
    if node.shared or (node.children is not None and not node.is_list):
        message = "its value stands elsewhere in the file or is a mapping"
        raise LookupError(message)
    return _replaced(tree.text, node, value)


def rename(tree: Tree, key: str, new: str) -> str:
    """The text with the last part of a dotted key called otherwise.

    Raises:
        LookupError: if the key is not there.
    """
    node = _own(tree, key)
    if node is None:
        message = "there is no such key"
        raise LookupError(message)
    parent = key.rpartition(".")[0]
    if tree.find(f"{parent}.{new}" if parent else new) is not None:
        message = f"{new} is there too"
        raise LookupError(message)
    start, end = node.key
    written = tree.text[start:end]
    quote = written[0] if written[:1] in {'"', "'"} else ""
    return f"{tree.text[:start]}{quote}{new}{quote}{tree.text[end:]}"


def _own(tree: Tree, key: str) -> Node | None:
    """The value under a key that is written where it stands, not merged in.

    Raises:
        LookupError: if what it belongs to stands elsewhere in the file.
    """
    parts = key.split(".")
    above = [tree.find(".".join(parts[:count])) for count in range(1, len(parts))]
    if any(node is not None and (node.shared or node.inherited) for node in above):
        message = "what it belongs to stands elsewhere in the file"
        raise LookupError(message)
    node = tree.find(key)
    return None if node is None or node.inherited else node


def _replaced(text: str, node: Node, value: Any) -> str:  # noqa: ANN401
    start, end = node.span
    if node.is_list and not node.flow:
        return _list_replaced(text, node, value)
    old = text[start:end]
    if "\n" in old.rstrip("\n") or old.endswith("\n"):
        end = start + len(old.rstrip())
    new = _flow(value, old)
    between = "" if start > 0 and text[start - 1] in " \t" else " "
    return f"{text[:start]}{between}{new}{text[end:]}"


def _list_replaced(text: str, node: Node, value: Any) -> str:  # noqa: ANN401
    """A list that has a line for each item keeps that way."""
    start, end = node.span[0], node.last
    first = text.rfind("\n", 0, start) + 1
    indent = text[first:start]
    if isinstance(value, tuple | list) and not indent.strip():
        items = f"\n{indent}".join(f"- {_flow(item)}" for item in value)
        return f"{text[:start]}{items}{text[end:]}"
    colon = text.index(":", node.key[1]) + 1
    return f"{text[:colon]} {_flow(value)}{text[end:]}"


def _without(tree: Tree, key: str, node: Node) -> str:
    text = tree.text
    parent_key = key.rpartition(".")[0]
    parent = tree.find(parent_key) if parent_key else tree.root
    if parent is not None and parent.flow:
        return _without_flow(text, parent, node)
    start = text.rfind("\n", 0, node.key[0]) + 1
    if text[start : node.key[0]].strip():
        message = "it shares its line with something else"
        raise LookupError(message)
    end = _end_of_line(text, max(node.key[1], _last(text, node)))
    siblings = [n for n in (parent.children or {}).values() if not n.inherited] if parent else []
    if parent is not None and parent_key and len(siblings) == 1:
        colon = text.index(":", parent.key[1]) + 1
        return f"{text[:colon]} {{}}{text[colon:start]}{text[end:]}"
    return text[:start] + text[end:]


def _without_flow(text: str, parent: Node, node: Node) -> str:
    start, end = node.key[0], node.span[1]
    after = re.compile(r"\s*,\s*").match(text, end)
    if after is not None:
        return text[:start] + text[after.end() :]
    before = re.compile(r"\s*,\s*$").search(text[parent.span[0] : start])
    if before is not None:
        start = parent.span[0] + before.start()
    return text[:start] + text[end:]


def _with(tree: Tree, key: str, value: Any) -> str:  # noqa: ANN401
    """The text with a key that was not there, at the end of its mapping."""
    parent, missing = tree.root, key.split(".")
    taken = 0
    while taken < len(missing) - 1:
        child = (parent.children or {}).get(missing[taken])
        if child is None or child.inherited:
            break
        parent, taken = child, taken + 1
    names = missing[taken:]
    if parent.shared or parent.is_list:
        message = f"{'.'.join(missing[:taken])} is no mapping that is written here"
        raise LookupError(message)
    if parent.children is None:
        if parent.value is not None:
            message = f"{'.'.join(missing[:taken])} is no mapping"
            raise LookupError(message)
        return _into_empty(tree.text, parent, names, value)
    if parent.flow:
        return _into_flow(tree.text, parent, names, value)
    return _after_last(tree, parent, names, value)


def _after_last(tree: Tree, parent: Node, names: list[str], value: Any) -> str:  # noqa: ANN401
    text = tree.text
    own = [child for child in (parent.children or {}).values() if not child.inherited]
    if not own:
        if parent is not tree.root:
            message = "its mapping is written elsewhere"
            raise LookupError(message)
        break_before = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{break_before}{_lines(names, value, '')}\n"
    first, last = own[0], max(own, key=lambda child: max(child.key[1], child.last))
    indent = " " * (first.key[0] - (text.rfind("\n", 0, first.key[0]) + 1))
    end = _end_of_line(text, max(last.key[1], _last(text, last)))
    lines = _lines(names, value, indent)
    if end == len(text) and not text.endswith("\n"):
        return f"{text}\n{lines}"
    return f"{text[:end]}{lines}{_newline(text)}{text[end:]}"


def _into_empty(text: str, parent: Node, names: list[str], value: Any) -> str:  # noqa: ANN401
    """Below a key that has nothing after its colon, or an explicit null."""
    line = text.rfind("\n", 0, parent.key[0]) + 1
    indent = " " * (parent.key[0] - line + 2)
    start = text.index(":", parent.key[1]) + 1
    kept = text[parent.span[1] : _end_of_line(text, parent.span[1])].rstrip("\r\n")
    end = _end_of_line(text, max(parent.span[1], start))
    lines = _lines(names, value, indent)
    return f"{text[:start]}{kept}{_newline(text)}{lines}{_newline(text)}{text[end:]}"


def _into_flow(text: str, parent: Node, names: list[str], value: Any) -> str:  # noqa: ANN401
    entry = _flow(value)
    for name in reversed(names[1:]):
        entry = f"{{{name}: {entry}}}"
    entry = f"{names[0]}: {entry}"
    end = parent.span[1] - 1
    inside = text[parent.span[0] + 1 : end]
    held = inside.rstrip()
    at = parent.span[0] + 1 + len(held)
    comma = "" if not held.strip() or held.endswith(",") else ","
    space = " " if held.strip() else ""
    return f"{text[:at]}{comma}{space}{entry}{text[at:]}"


def _lines(names: list[str], value: Any, indent: str) -> str:  # noqa: ANN401
    lines = [f"{indent}{'  ' * depth}{name}:" for depth, name in enumerate(names)]
    return "\n".join(lines) + f" {_flow(value)}"


def _last(text: str, node: Node) -> int:
    """The end of a value without the empty lines that a block of text takes in."""
    return len(text[: node.last].rstrip())


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _flow(value: Any, old: str = "") -> str:  # noqa: ANN401
    """A value on one line; quotes and capitals are those of the old value."""
    if isinstance(value, bool):
        word = "true" if value else "false"
        return word.capitalize() if old in CAPITALS else word
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    text = str(value)
    if old.startswith("'") and "'" not in text and "\n" not in text:
        return f"'{text}'"
    plain = PLAIN.fullmatch(text) is not None and isinstance(resolve(text, exponents=True), str)
    if plain and not old.startswith('"'):
        return text
    return json.dumps(text, ensure_ascii=False)


def _number(value: float) -> str:
    """A number that YAML 1.1 takes for one: `1e-05` has no point and would be a text."""
    text = repr(value)
    if text in {"inf", "-inf", "nan"}:
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}[text]
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    sign = "" if exponent.startswith(("-", "+")) else "+"
    point = "" if "." in mantissa else ".0"
    return f"{mantissa}{point}e{sign}{exponent}"
