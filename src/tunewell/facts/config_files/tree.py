"""A configuration file as keys and values, each with the stretch of text that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tunewell.core.errors import InputError

Span = tuple[int, int]
"""Offsets into the text: first character, and the one after the last."""


class DamagedError(InputError):
    """A file that is not of its kind. The reader of the file adds its name."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value: plain, a mapping or a list, with its text.

    `key` is the stretch of the key that it belongs to, empty for an item of a list. `line` counts
    from 1 and is that of the key. `flow` tells `{a: 1}` and `[1]` from lines that are indented.
    `shared` marks a value that stands elsewhere in the file (an alias of YAML), `inherited` a key
    that came with a merge (`<<: *base`) and stands elsewhere too.
    """

    value: Any
    span: Span
    line: int
    key: Span = (0, 0)
    children: Mapping[str, Node] | None = None
    is_list: bool = False
    flow: bool = False
    shared: bool = False
    inherited: bool = False

    @property
    def last(self) -> int:
        """The offset after the last character of the last value in it."""
        ends = [child.last for child in (self.children or {}).values()]
        return self.span[1] if self.flow or not ends else max(ends)


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole file. Its root is a mapping."""

    text: str
    root: Node

    @property
    def values(self) -> dict[str, Any]:
        """The file as plain values."""
        values: dict[str, Any] = self.root.value
        return values

    def find(self, key: str) -> Node | None:
        """The value under a dotted key; items of lists go by their number."""
        return find(self.root, key)

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Every value with its dotted key, in the order of the file."""
        yield from _walk(self.root, "")


def find(node: Node, key: str) -> Node | None:
    """The value below a node under a dotted key, which may hold dots of its own."""
    children = node.children or {}
    if key in children:
        return children[key]
    for name, child in children.items():
        if key.startswith(f"{name}."):
            found = find(child, key[len(name) + 1 :])
            if found is not None:
                return found
    return None


def _walk(node: Node, prefix: str) -> Iterator[tuple[str, Node]]:
    for name, child in (node.children or {}).items():
        yield prefix + name, child
        yield from _walk(child, f"{prefix}{name}.")
