"""Where a script asks a model how many rows its embedding has, read off the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tunewell.facts.memo import fact
from tunewell.subjects.script import Script

EMBEDDINGS = frozenset(
    {"get_input_embeddings", "get_output_embeddings", "embed_tokens", "lm_head", "wte", "embed_in"}
)
GATHERING = "GatheredParameters"
RESIZES = "resize_token_embeddings"


@dataclass(frozen=True, slots=True)
class SizeRead:
    """An expression that takes the size from the weight itself, with its line."""

    line: int
    code: str


@fact
def sizes_read(script: Script) -> tuple[SizeRead, ...]:
    """Each `....weight.shape[0]` or `....weight.size(0)` of an embedding or of the output layer.

    What stands inside `with deepspeed.zero.GatheredParameters(...)` is left out: there the weight
    is whole.
    """
    gathered = {
        id(child)
        for node in ast.walk(script.tree)
        if isinstance(node, ast.With)
        and any(GATHERING in ast.unparse(item.context_expr) for item in node.items)
        for child in ast.walk(node)
    }
    named = _weights_by_name(script.tree)
    return tuple(
        SizeRead(node.lineno, ast.unparse(node))
        for node in ast.walk(script.tree)
        if isinstance(node, ast.Subscript | ast.Call)
        and id(node) not in gathered
        and _is_size_of_weight(node, named)
    )


@fact
def resizes_embeddings(script: Script) -> bool:
    """Whether the script calls `resize_token_embeddings`."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == RESIZES
        for node in ast.walk(script.tree)
    )


def _is_size_of_weight(node: ast.Subscript | ast.Call, named: frozenset[str]) -> bool:
    """Whether this is `W.shape[0]`, `W.size()[0]` or `W.size(0)` with W an embedding's weight."""
    if isinstance(node, ast.Subscript):
        inner = node.value
        if isinstance(inner, ast.Call):
            inner = inner.func
        sized = isinstance(inner, ast.Attribute) and inner.attr in {"shape", "size"}
        return sized and isinstance(inner, ast.Attribute) and _is_weight(inner.value, named)
    func = node.func
    asked = isinstance(func, ast.Attribute) and func.attr == "size" and bool(node.args)
    return asked and isinstance(func, ast.Attribute) and _is_weight(func.value, named)


def _is_weight(node: ast.expr, named: frozenset[str]) -> bool:
    """`E.weight` of an embedding E, or a name that was given it."""
    if isinstance(node, ast.Name):
        return node.id in named
    if not isinstance(node, ast.Attribute):
        return False
    if node.attr == "data":
        return _is_weight(node.value, named)
    return node.attr == "weight" and _is_embedding(node.value, named)


def _is_embedding(node: ast.expr, named: frozenset[str]) -> bool:
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr in EMBEDDINGS
    return isinstance(node, ast.Name) and node.id in named


def _weights_by_name(tree: ast.Module) -> frozenset[str]:
    """Names that were given an embedding or its weight."""
    nothing: frozenset[str] = frozenset()
    return frozenset(
        target.id
        for value, target in _assigned(tree)
        if isinstance(target, ast.Name)
        and (_is_embedding(value, nothing) or _is_weight(value, nothing))
    )


def _assigned(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield node.value, target
