"""YAML as the trainers read it: the types of YAML 1.1, with the place of every key.

Hugging Face, axolotl and accelerate load their files with PyYAML, for which `5e-5` is a text (no
point, no sign it knows) and `on` is true. torchtune, LLaMA-Factory and Lightning mend the first.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tunewell.facts.config_files.tree import DamagedError, Node, Tree

TRUTHS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
INTEGER = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*)")
FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?")
EXPONENT = re.compile(r"[-+]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)[eE][-+]?[0-9]+")
SPECIAL = {
    ".inf": float("inf"),
    "+.inf": float("inf"),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}
COLON = re.compile(r"\s*:")
ALIAS = re.compile(r"\s*:\s*(\*[^\s,\]}]+)")
MERGE = "<<"


def parse_yaml(text: str, *, exponents: bool = False) -> Tree:
    """The keys and values of a YAML file. An empty one has none.

    Args:
        text: the whole file.
        exponents: whether `5e-5` is a number, as for the loaders of OmegaConf and jsonargparse.

    Raises:
        DamagedError: if it is not YAML, or not one mapping.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415  needed only where a YAML file is read
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        message = f"{where}is not valid YAML: {error.problem or error.context}"
        raise DamagedError(message) from None
    except (YAMLError, ValueError, RecursionError) as error:
        message = f"is not valid YAML: {str(error).splitlines()[0]}"
        raise DamagedError(message) from None
    if node is None:
        return Tree(text, Node({}, (0, len(text)), 1, children={}))
    root = _Composed(text, exponents=exponents).of(node, (0, 0), 1)
    if root.children is None or root.is_list:
        message = "line 1: is not a mapping of keys to values"
        raise DamagedError(message)
    return Tree(text, root)


class _Composed:
    """Nodes of the parser as nodes of a tree."""

    def __init__(self, text: str, *, exponents: bool) -> None:
        self._text = text
        self._exponents = exponents
        self._open: set[int] = set()

    def of(self, node: Any, key: tuple[int, int], line: int) -> Node:  # noqa: ANN401  untyped
        start, end = node.start_mark.index, node.end_mark.index
        if shared := start < key[1]:
            # The parser gives the node of the anchor; here stands only its alias.
            alias = ALIAS.match(self._text, key[1])
            start, end = alias.span(1) if alias is not None else (key[1], key[1])
        kind = node.id
        if start == end and key[1]:
            # Of a value that is not there the parser says where the next thing begins.
            colon = COLON.match(self._text, key[1])
            start = end = colon.end() if colon is not None else key[1]
        if kind == "scalar":
            return Node(self._scalar(node), (start, end), line, key, shared=shared)
        if id(node) in self._open:
            message = f"line {line}: holds itself"
            raise DamagedError(message)
        self._open.add(id(node))
        children = self._mapping(node) if kind == "mapping" else self._sequence(node)
        self._open.remove(id(node))
        if kind == "mapping":
            value: Any = {name: child.value for name, child in children.items()}
        else:
            value = [child.value for child in children.values()]
        return Node(
            value,
            (start, end),
            line,
            key,
            children,
            is_list=kind != "mapping",
            flow=bool(node.flow_style),
            shared=shared,
        )

    def _mapping(self, node: Any) -> dict[str, Node]:  # noqa: ANN401
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key, value in node.value:
            span = (key.start_mark.index, key.end_mark.index)
            line = key.start_mark.line + 1
            name = str(key.value) if key.id == "scalar" else self._text[slice(*span)]
            child = self.of(value, span, line)
            if name == MERGE and child.children is not None:
                sources = child.children.values() if child.is_list else (child,)
                for source in sources:
                    for inner, entry in (source.children or {}).items():
                        merged.setdefault(inner, replace(entry, inherited=True))
            else:
                own[name] = child  # of a key that stands twice the last counts, as for PyYAML
        return {n: c for n, c in merged.items() if n not in own} | own

    def _sequence(self, node: Any) -> dict[str, Node]:  # noqa: ANN401
        return {
            str(number): self.of(item, (0, 0), item.start_mark.line + 1)
            for number, item in enumerate(node.value)
        }

    def _scalar(self, node: Any) -> Any:  # noqa: ANN401
        if node.style is None:
            return resolve(node.value, exponents=self._exponents)
        return node.value


def resolve(text: str, *, exponents: bool = False) -> Any:  # noqa: ANN401
    """The value of an unquoted word of YAML 1.1."""
    if text in NOTHING:
        return None
    if text.lower() in TRUTHS and text in {text.lower(), text.upper(), text.capitalize()}:
        return TRUTHS[text.lower()]
    if INTEGER.fullmatch(text):
        return _integer(text.replace("_", ""))
    if FLOAT.fullmatch(text) or (exponents and EXPONENT.fullmatch(text)):
        return float(text.replace("_", ""))
    return SPECIAL.get(text.lower(), text)


def _integer(digits: str) -> int:
    sign = -1 if digits.startswith("-") else 1
    plain = digits.lstrip("+-")
    base = {"0b": 2, "0x": 16}.get(plain[:2], 8 if plain.startswith("0") and plain != "0" else 10)
    return sign * int(plain, base)
