"""The arguments of a call in a script as settings, each with its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tunewell.readers.recipes.draft import Setting, Table
from tunewell.readers.recipes.script_values import (
    Call,
    NotLiteralError,
    Scope,
    dotted,
    value_of,
)
from tunewell.subjects.recipe import Place

FIRST: Mapping[str, str] = {
    "TrainingArguments": "output_dir",
    "Seq2SeqTrainingArguments": "output_dir",
    "SentenceTransformerTrainingArguments": "output_dir",
    "from_pretrained": "pretrained_model_name_or_path",
    "SentenceTransformer": "model_name_or_path",
    "load_dataset": "path",
    "EarlyStoppingCallback": "early_stopping_patience",
}
"""What the first argument without a name is, by the last part of the call."""


def arguments(call: Call, file: Path) -> Table:
    """The named arguments of a call, those of `**{...}` and `**settings` among them."""
    settings: dict[str, Setting] = {}
    last = call.name.rpartition(".")[2]
    first = FIRST.get(last, "output_dir" if last.endswith("Config") else None)
    if call.node.args and first is not None and last not in {"LoraConfig", "BitsAndBytesConfig"}:
        _add(settings, first, call.node.args[0], call, file)
    if last == "from_pretrained" and "PeftModel" in call.name and len(call.node.args) > 1:
        _add(settings, "model_id", call.node.args[1], call, file)
    for keyword in call.node.keywords:
        if keyword.arg is not None:
            _add(settings, keyword.arg, keyword.value, call, file, keyword.lineno)
            continue
        for name, value in _unpacked(keyword.value, call.scope):
            _add(settings, name, value, call, file, value.lineno)
    return Table(owner(call), settings, lambda key: Place(file, call.line, f"{owner(call)}.{key}"))


def owner(call: Call) -> str:
    """The name by which keys of this call begin: its class, with the method where that counts."""
    parts = call.name.split(".")
    return ".".join(parts[-2:]) if parts[-1] == "from_pretrained" else parts[-1]


def is_open(call: Call) -> bool:
    """Whether a call takes settings that cannot be read: `**kwargs` of unknown content."""
    return any(
        keyword.arg is None and next(_unpacked(keyword.value, call.scope), None) is None
        for keyword in call.node.keywords
    )


def handed(call: Call, name: str, position: int | None = None) -> ast.expr | None:
    """The expression given for an argument, by its name or else by its position."""
    for keyword in call.node.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is not None and position < len(call.node.args):
        return call.node.args[position]
    return None


def resolved(node: ast.expr | None, scope: Scope) -> ast.expr | None:
    """The expression behind a name that is assigned once."""
    for _ in range(5):
        if not isinstance(node, ast.Name):
            break
        node = scope.find(node.id)
    return node


def _add(
    settings: dict[str, Setting],
    name: str,
    node: ast.expr,
    call: Call,
    file: Path,
    line: int | None = None,
) -> None:
    place = Place(file, line or node.lineno, f"{owner(call)}.{name}")
    try:
        settings[name] = Setting(value_of(node, call.scope), place)
    except NotLiteralError:
        settings[name] = Setting(None, place, literal=False)
    inner = resolved(node, call.scope)
    for key, value in _unpacked(inner, call.scope):
        _add(settings, f"{name}.{key}", value, call, file, value.lineno)


def _unpacked(node: ast.expr | None, scope: Scope) -> Iterator[tuple[str, Any]]:
    """The entries of a dictionary that is written out: `{...}`, `dict(...)` or a name for one."""
    node = resolved(node, scope)
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
    elif isinstance(node, ast.Call) and dotted(node.func) == "dict":
        for keyword in node.keywords:
            if keyword.arg is not None:
                yield keyword.arg, keyword.value
