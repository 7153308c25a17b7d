"""The text of a configuration file after edits, by the kind of the file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from tunewell.core.errors import InputError, UserError
from tunewell.core.finding import RenameKey, SetKey
from tunewell.facts.config_files.json_tree import parse_json
from tunewell.facts.config_files.own_terms import own_terms
from tunewell.facts.config_files.tree import Tree
from tunewell.facts.config_files.yaml_tree import parse_yaml
from tunewell.fixes.config_files import json_edit, python_edit, yaml_edit

MARK = "\ufeff"
"""What some editors put before UTF-8 text; it stays."""


class CannotEditError(UserError):
    """An edit that has no place in this file; a person must make it."""


def edit_text(text: str, suffix: str, edits: Iterable[SetKey | RenameKey]) -> str:
    """The text after the edits. What they do not name stays as it is, to the letter.

    A new value of None takes the setting out, with its line.

    Args:
        text: the whole file.
        suffix: that of its name: .yaml, .yml, .json or .py.
        edits: what to set and what to rename, by the file's own keys.

    Raises:
        CannotEditError: if the file is damaged, or a key of an edit has no place in it.
    """
    mark = MARK if text.startswith(MARK) else ""
    text = text.removeprefix(MARK)
    for edit in sorted(edits, key=_order):
        try:
            text = _edited(text, suffix, edit)
        except (InputError, LookupError) as error:
            what = edit.key or getattr(edit, "path", "")
            message = f"{what}: cannot be changed here: {error.args[0] if error.args else error}"
            raise CannotEditError(message) from None
    return mark + text


def _order(edit: SetKey | RenameKey) -> tuple[int, bool]:
    # From the bottom up, so that lines stay what they are called; a key is renamed last.
    return -(edit.line or 0), isinstance(edit, RenameKey)


def _edited(text: str, suffix: str, edit: SetKey | RenameKey) -> str:
    if isinstance(edit, RenameKey):
        if suffix == ".py":
            return python_edit.rename(text, edit.key, edit.new, edit.line)
        tree = _tree(text, suffix)
        called = json_edit.rename if suffix == ".json" else yaml_edit.rename
        return called(tree, edit.key, edit.new)
    if edit.key is None:
        message = "this kind of file has no name for it"
        raise LookupError(message)
    for key, value in own_terms(edit):
        if suffix == ".py":
            text = python_edit.set_argument(text, key, value, edit.line)
        else:
            set_key = json_edit.set_key if suffix == ".json" else yaml_edit.set_key
            text = set_key(_tree(text, suffix), key, value)
    return text


def _tree(text: str, suffix: str) -> Tree:
    if suffix == ".json":
        return parse_json(text)
    if suffix in {".yaml", ".yml"}:
        return parse_yaml(text)
    message = f"{PurePath(suffix)} files are not edited"
    raise LookupError(message)
