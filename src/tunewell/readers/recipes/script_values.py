"""Values in a Python script, as far as they can be read without running it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

OPERATIONS: Mapping[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}
NAMED = frozenset({"torch", "TaskType", "IntervalStrategy", "SchedulerType", "SaveStrategy"})
"""Owners whose members are names: `torch.bfloat16` is "bfloat16" for us."""

MEMBERS = {"IntervalStrategy", "SchedulerType", "SaveStrategy"}
WRAPPERS = frozenset({"Path", "str", "float", "int", "list", "tuple", "set"})
LARGEST = 10**12
DEEPEST = 20


class NotLiteralError(Exception):
    """Only a run could tell this value."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of a function or the module, with the expression of those assigned once."""

    names: Mapping[str, ast.expr | None]
    outer: Scope | None = None

    def find(self, name: str) -> ast.expr | None:
        """The expression that a name stands for; None where it is not settled."""
        if name in self.names:
            return self.names[name]
        return self.outer.find(name) if self.outer is not None else None


@dataclass(frozen=True, slots=True)
class Call:
    """A call with the scope it stands in and, where its result gets a name, that name."""

    node: ast.Call
    scope: Scope
    name: str = ""
    target: str = field(default="")

    @property
    def line(self) -> int:
        """The 1-based line on which it begins."""
        return self.node.lineno


def scope_of(body: list[ast.stmt], outer: Scope | None, parameters: ast.arguments | None) -> Scope:
    """The names that a body of statements binds. One that is bound twice is not settled."""
    names: dict[str, ast.expr | None] = {}
    if parameters is not None:
        every = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
        names |= {argument.arg: None for argument in every}
    for statement in _statements(body):
        assigned, value = _assignment(statement)
        for name in _bound(statement):
            names[name] = value if name == assigned and name not in names else None
    return Scope(names, outer)


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """The name and the value of `name = value`."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return name, value
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            return name, value
        case _:
            return "", None


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement gives a value, not those of statements within it."""
    if isinstance(statement, ast.Global | ast.Nonlocal):
        yield from statement.names
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt | ast.ExceptHandler):
            continue
        for node in ast.walk(child):
            stored = isinstance(getattr(node, "ctx", None), ast.Store)
            if stored and isinstance(node, ast.Name):
                yield node.id
            # `settings["lr"] = 1` changes what a name stands for.
            elif stored and isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                yield node.value.id


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body and of its branches and loops, not of functions within."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, []))
        for handler in getattr(statement, "handlers", []):
            yield from _statements(handler.body)


def calls_in(tree: ast.Module) -> Iterator[Call]:
    """Every call of a script in written order, with its scope."""
    outermost = scope_of(tree.body, None, None)
    yield from sorted(_calls(tree, outermost), key=lambda call: call.node.lineno)


def _calls(node: ast.AST, scope: Scope, target: str = "") -> Iterator[Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _calls(child, scope_of(child.body, scope, child.args))
            continue
        if isinstance(child, ast.Call):
            yield Call(child, scope, dotted(child.func), target)
        named = ""
        if isinstance(child, ast.Assign) and len(child.targets) == 1:
            named = dotted(child.targets[0])
        elif isinstance(child, ast.AnnAssign):
            named = dotted(child.target)
        yield from _calls(child, scope, named)


def dotted(node: ast.AST | None) -> str:
    """`a.b.c` of an expression that is one, an empty text otherwise."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def value_of(  # noqa: PLR0911  one answer for each kind of expression
    node: ast.expr | None, scope: Scope, depth: int = 0
) -> Any:  # noqa: ANN401  settings have every type
    """The value of an expression.

    Raises:
        NotLiteralError: if only a run could tell it.
    """
    if node is None or depth > DEEPEST:
        raise NotLiteralError
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return value_of(scope.find(name), scope, depth + 1)
        case ast.List() | ast.Tuple() | ast.Set():
            return [value_of(item, scope, depth + 1) for item in node.elts]
        case ast.Dict():
            return {
                str(value_of(key, scope, depth + 1)): value_of(item, scope, depth + 1)
                for key, item in zip(node.keys, node.values, strict=True)
            }
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(operand, scope, depth)
        case ast.BinOp():
            return _arithmetic(node, scope, depth)
        case ast.Attribute():
            return _member(node)
        case ast.Call():
            return _wrapped(node, scope, depth)
        case _:
            raise NotLiteralError


def _number(node: ast.expr, scope: Scope, depth: int) -> int | float:
    value = value_of(node, scope, depth + 1)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotLiteralError
    return value


def _arithmetic(node: ast.BinOp, scope: Scope, depth: int) -> int | float:
    left, right = _number(node.left, scope, depth), _number(node.right, scope, depth)
    if isinstance(node.op, ast.Pow) and abs(right) <= DEEPEST and abs(left) <= LARGEST:
        result: Any = left**right
        if isinstance(result, int | float):
            return result
    operation = OPERATIONS.get(type(node.op))
    if operation is None:
        raise NotLiteralError
    try:
        answer: int | float = operation(left, right)
    except ArithmeticError:
        raise NotLiteralError from None
    return answer


def _member(node: ast.Attribute) -> str:
    owner = dotted(node.value).rpartition(".")[2]
    if owner not in NAMED:
        raise NotLiteralError
    return node.attr.lower() if owner in MEMBERS else node.attr


def _wrapped(node: ast.Call, scope: Scope, depth: int) -> Any:  # noqa: ANN401
    name = dotted(node.func).rpartition(".")[2]
    if name == "dict" and not node.args:
        return {
            keyword.arg: value_of(keyword.value, scope, depth + 1)
            for keyword in node.keywords
            if keyword.arg is not None
        }
    if name in WRAPPERS and len(node.args) == 1 and not node.keywords:
        value = value_of(node.args[0], scope, depth + 1)
        try:
            return {"float": float, "int": int}.get(name, lambda same: same)(value)
        except (TypeError, ValueError):
            raise NotLiteralError from None
    raise NotLiteralError
