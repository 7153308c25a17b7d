"""Edits of a Python script: an argument of a call is set, added, taken out or renamed.

The syntax tree says where things stand; what changes is the text there and nothing beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import libcst as cst


def set_argument(text: str, key: str, value: Any, line: int | None) -> str:  # noqa: ANN401
    """The text with a new value for an argument; None takes the argument out.

    Args:
        text: the script.
        key: the call and the argument: "TrainingArguments.learning_rate".
        value: the new value.
        line: the 1-based line of the argument or of its call, which tells calls of a class apart.

    Raises:
        LookupError: if there is no such call, or the argument is not written out where it stands.
    """
    script = _Script(text)
    call, name = script.call(key, line)
    part = script.written(call, name, line)
    if part is not None:
        if value is None:
            return _without(text, part)
        start, end = part.value
        return text[:start] + _expression(value) + text[end:]
    if call is None:
        message = "several calls could take it"
        raise LookupError(message)
    if value is None:
        return text
    if "." in name:
        message = "it belongs into a value that is not written out here"
        raise LookupError(message)
    return _with_argument(script, call, f"{name}={_expression(value)}")


def rename(text: str, key: str, new: str, line: int | None) -> str:
    """The text with an argument called otherwise.

    Raises:
        LookupError: if there is no such call or argument.
    """
    script = _Script(text)
    call, name = script.call(key, line)
    part = script.written(call, name, line)
    if part is None:
        message = "the call has no such argument"
        raise LookupError(message)
    if call is not None and new in script.names(call):
        message = f"{new} is there too"
        raise LookupError(message)
    start, end = part.name
    quote = text[start] if text[start] in {'"', "'"} else ""
    return f"{text[:start]}{quote}{new}{quote}{text[end:]}"


@dataclass(frozen=True, slots=True)
class _Part:
    """An argument, or an entry of a dictionary: offsets of the whole, its name and its value."""

    whole: tuple[int, int]
    name: tuple[int, int]
    value: tuple[int, int]


class _Script:
    """A parsed script with the offset of every node."""

    def __init__(self, text: str) -> None:
        import libcst as cst  # noqa: PLC0415  0.4 s that only an edit of a script waits for
        from libcst.metadata import MetadataWrapper, PositionProvider  # noqa: PLC0415

        try:
            wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        except cst.ParserSyntaxError as error:
            message = f"line {error.raw_line}: is not valid Python"
            raise LookupError(message) from None
        self.text = text
        self._module = wrapper.module
        self._positions: Mapping[Any, Any] = wrapper.resolve(PositionProvider)
        self._starts = [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Offsets of a node without the space around it."""
        at = self._positions[node]
        return (
            self._starts[at.start.line - 1] + at.start.column,
            self._starts[at.end.line - 1] + at.end.column,
        )

    def call(self, key: str, line: int | None) -> tuple[cst.Call | None, str]:
        """The call that a key begins with, and the rest of the key.

        The call is None where several could be meant and none stands on this line.

        Raises:
            LookupError: if there is none.
        """
        found: list[tuple[int, cst.Call, str]] = []
        for call in self._calls():
            parts = _dotted(call.func).split(".")
            for count in (len(parts), 2, 1):
                known = ".".join(parts[-count:])
                if known and key.startswith(f"{known}."):
                    found.append((len(known), call, key[len(known) + 1 :]))
                    break
        longest = max((length for length, _, _ in found), default=0)
        calls = [(call, name) for length, call, name in found if length == longest]
        here = [entry for entry in calls if line is not None and self._covers(entry[0], line)]
        if not here and (line is None or len(calls) == 1):
            here = calls
        if here:
            return here[-1]  # the innermost, where one stands within another
        if calls:
            return None, calls[0][1]
        message = "no call in the script takes it"
        raise LookupError(message)

    @staticmethod
    def names(call: cst.Call) -> set[str]:
        """The names of a call's arguments."""
        return {a.keyword.value for a in call.args if a.keyword is not None}

    def written(self, call: cst.Call | None, name: str, line: int | None) -> _Part | None:
        """Where an argument is written: in the call, or in a dictionary that the call takes."""
        import libcst as cst  # noqa: PLC0415

        for argument in call.args if call is not None else ():
            if argument.keyword is not None and argument.keyword.value == name:
                return _Part(
                    self.span(argument), self.span(argument.keyword), self.span(argument.value)
                )
        last = name.rpartition(".")[2]
        for node in self._nodes(cst.DictElement, cst.Arg):
            value = getattr(node, "value", None)
            if value is None or line is None or self._line(value) != line:
                continue
            key = getattr(node, "key", None) or getattr(node, "keyword", None)
            if isinstance(key, cst.SimpleString):
                named: Any = key.evaluated_value
            else:
                named = key.value if isinstance(key, cst.Name) else None
            if named == last and key is not None:
                return _Part((self.span(key)[0], self.span(value)[1]), self.span(key),
                             self.span(value))  # fmt: skip
        return None

    def _line(self, node: cst.CSTNode) -> int:
        line: int = self._positions[node].start.line
        return line

    def _covers(self, call: cst.Call, line: int) -> bool:
        at = self._positions[call]
        covers: bool = at.start.line <= line <= at.end.line
        return covers

    def _calls(self) -> Iterator[cst.Call]:
        import libcst as cst  # noqa: PLC0415

        for node in self._nodes(cst.Call):
            if isinstance(node, cst.Call):
                yield node

    def _nodes(self, *kinds: type[cst.CSTNode]) -> Iterator[cst.CSTNode]:
        """Nodes of some kinds, outer ones before those within."""
        waiting: list[cst.CSTNode] = [self._module]
        while waiting:
            node = waiting.pop()
            if isinstance(node, kinds):
                yield node
            waiting += reversed(node.children)


def _dotted(node: cst.BaseExpression) -> str:
    import libcst as cst  # noqa: PLC0415

    if isinstance(node, cst.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr.value}" if inner else ""
    return node.value if isinstance(node, cst.Name) else ""


def _with_argument(script: _Script, call: cst.Call, argument: str) -> str:
    """The text with one more argument, on a line of its own where the others have one."""
    text = script.text
    newline = "\r\n" if "\r\n" in text else "\n"
    unpacked = next((a for a in call.args if a.star == "**"), None)
    if unpacked is not None:
        start = script.span(unpacked)[0]
        before = start - len("**") if not text.startswith("**", start) else start
        indent = _indent(text, before)
        after = ", " if indent is None else f",{newline}{indent}"
        return f"{text[:before]}{argument}{after}{text[before:]}"
    if not call.args:
        at = script.span(call)[1] - 1
        return f"{text[:at]}{argument}{text[at:]}"
    start, end = script.span(call.args[-1])
    close = script.span(call)[1] - 1
    indent = _indent(text, start)
    comma = _comma(text, end, close)
    if indent is None:
        if comma is None:
            return f"{text[:end]}, {argument}{text[end:]}"
        return f"{text[:comma]} {argument},{text[comma:]}"
    rest = comma if comma is not None else end
    line_end = text.find("\n", rest)
    if line_end < 0 or line_end > close:
        between = "" if comma is not None else ","
        return f"{text[:rest]}{between}{newline}{indent}{argument}{text[rest:]}"
    if text[line_end - 1 : line_end] == "\r":
        line_end -= 1
    first = text[:rest] if comma is not None else f"{text[:end]},"
    tail = "," if comma is not None else ""
    return f"{first}{text[rest:line_end]}{newline}{indent}{argument}{tail}{text[line_end:]}"


def _without(text: str, part: _Part) -> str:
    """The text without an argument: with its line, where it has one to itself."""
    start, end = part.whole
    comma = _comma(text, end, len(text))
    indent = _indent(text, start)
    line_end = text.find("\n", comma or end)
    rest = text[comma or end : line_end] if line_end >= 0 else text[comma or end :]
    if indent is not None and line_end >= 0 and (not rest.strip() or rest.strip()[0] == "#"):
        return text[: start - len(indent)] + text[line_end + 1 :]
    if comma is not None:
        space = len(text[comma:]) - len(text[comma:].lstrip(" \t"))
        return text[:start] + text[comma + space :]
    before = re.search(r",\s*$", text[:start])
    return text[: before.start() if before is not None else start] + text[end:]


def _indent(text: str, at: int) -> str | None:
    """The space before an offset, if nothing else stands before it on its line."""
    before = text[text.rfind("\n", 0, at) + 1 : at]
    return before if not before.strip() else None


def _comma(text: str, at: int, close: int) -> int | None:
    """The offset after the comma that follows, over space and comments."""
    found = re.compile(r"(?:\s|#[^\n]*\n)*,").match(text, at, close)
    return found.end() if found is not None else None


def _expression(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, tuple | list):
        return f"[{', '.join(_expression(item) for item in value)}]"
    if isinstance(value, str):
        inner = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{inner}"'
    return repr(value)
