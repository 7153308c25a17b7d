"""JSON with the place of every key."""

from __future__ import annotations

import json
from bisect import bisect_left
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from tunewell.facts.config_files.tree import DamagedError, Node, Tree

SPACE = " \t\n\r"


def parse_json(text: str) -> Tree:
    """The keys and values of a JSON file.

    Raises:
        DamagedError: if it is not JSON, or not one object.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"line {error.lineno}: is not valid JSON: {error.msg}"
        raise DamagedError(message) from None
    except (ValueError, RecursionError) as error:
        message = f"is not valid JSON: {error}"
        raise DamagedError(message) from None
    if not isinstance(value, dict):
        message = "line 1: is not a JSON object"
        raise DamagedError(message)
    return Tree(text, _Scanner(text).value(0, (0, 0), 1))


class _Scanner:
    """Walks over text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()
        self._breaks = [at for at, letter in enumerate(text) if letter == "\n"]

    def _line(self, at: int) -> int:
        return bisect_left(self._breaks, at) + 1

    def value(self, at: int, key: tuple[int, int], line: int) -> Node:
        at = self._skip(at)
        if self._text[at] == "{":
            return self._container(at, key, line, "}")
        if self._text[at] == "[":
            return self._container(at, key, line, "]")
        value, end = self._decoder.raw_decode(self._text, at)
        return Node(value, (at, end), line, key)

    def _container(self, start: int, key: tuple[int, int], line: int, closing: str) -> Node:
        children: dict[str, Node] = {}
        at = self._skip(start + 1)
        while self._text[at] != closing:
            if closing == "}":
                name, end = scanstring(self._text, at + 1)
                span = (at, end)
                inner = self._skip(end) + 1  # past the colon
                child = self.value(inner, span, self._line(at))
            else:
                name = str(len(children))
                child = self.value(at, (0, 0), self._line(at))
            children[name] = child
            at = self._skip(child.span[1])
            if self._text[at] == ",":
                at = self._skip(at + 1)
        value: Any = (
            {name: child.value for name, child in children.items()}
            if closing == "}"
            else [child.value for child in children.values()]
        )
        return Node(value, (start, at + 1), line, key, children, is_list=closing == "]", flow=True)

    def _skip(self, at: int) -> int:
        while self._text[at] in SPACE:
            at += 1
        return at
