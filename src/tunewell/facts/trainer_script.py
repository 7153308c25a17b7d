"""How a script makes its trainer and what it asks of it, read off the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tunewell.facts.memo import fact
from tunewell.subjects.script import Script

TRAINER = "Trainer"
BY_POSITION = {
    "train": ("resume_from_checkpoint",),
    "evaluate": ("eval_dataset",),
    "predict": ("test_dataset",),
}
"""The first argument of the trainer's methods, by its name."""


@dataclass(frozen=True, slots=True)
class TrainerCall:
    """A call with its arguments as they are written, by name.

    `open_ended` says that more of them come from a mapping that only a run could tell.
    """

    line: int
    name: str
    arguments: Mapping[str, str]
    open_ended: bool = False

    def gives(self, argument: str) -> bool | None:
        """Whether an argument other than None is given; None where only a run tells it."""
        written = self.arguments.get(argument)
        if written is None:
            return None if self.open_ended else False
        return written != "None"


@fact
def made_trainers(script: Script) -> tuple[TrainerCall, ...]:
    """Every call of a class whose name ends in "Trainer"."""
    found = (_call(node, _last_name(node.func)) for node in _calls(script.tree))
    return tuple(call for call in found if call.name.endswith(TRAINER))


@fact
def trainer_methods(script: Script, method: str) -> tuple[TrainerCall, ...]:
    """Calls of a method on what a trainer was assigned to, or on a name with "trainer" in it.

    `model.train()` of PyTorch, which only switches a mode, is thereby left out.
    """
    named = _trainer_names(script.tree)
    found: list[TrainerCall] = []
    for node in _calls(script.tree):
        func = node.func
        if not isinstance(func, ast.Attribute) or func.attr != method:
            continue
        owner = _last_name(func.value)
        if owner in named or TRAINER.casefold() in owner.casefold():
            found.append(_call(node, method))
    return tuple(found)


def streams(script: Script) -> bool:
    """Whether a call asks for streamed data: `load_dataset(..., streaming=True)`."""
    return any(
        keyword.arg == "streaming"
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for call in _calls(script.tree)
        for keyword in call.keywords
    )


def mentions(script: Script, *names: str) -> bool:
    """Whether a name, an attribute or a keyword of these stands anywhere in the script."""
    wanted = set(names)
    return any(
        (isinstance(node, ast.Name) and node.id in wanted)
        or (isinstance(node, ast.Attribute) and node.attr in wanted)
        or (isinstance(node, ast.keyword) and node.arg in wanted)
        or (isinstance(node, ast.alias) and node.name.rpartition(".")[2] in wanted)
        for node in ast.walk(script.tree)
    )


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _call(node: ast.Call, name: str) -> TrainerCall:
    arguments = {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg is not None}
    for position, value in zip(BY_POSITION.get(name, ()), node.args, strict=False):
        arguments.setdefault(position, ast.unparse(value))
    open_ended = any(k.arg is None for k in node.keywords) or any(
        isinstance(value, ast.Starred) for value in node.args
    )
    return TrainerCall(node.lineno, name, arguments, open_ended)


def _last_name(node: ast.AST) -> str:
    """`Trainer` of `transformers.Trainer`, `trainer` of `self.trainer`; empty where there is none.

    A class that is called at once, `Trainer(...).train()`, gives its own name.
    """
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _trainer_names(tree: ast.AST) -> frozenset[str]:
    return frozenset(
        _last_name(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and _last_name(node.value.func).endswith(TRAINER)
        for target in node.targets
    )
