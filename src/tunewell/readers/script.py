"""Parse a Python script and find the modules that lie beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.subjects.script import LocalModule, Script

CACHES = "cache-*.arrow"


def read_script(path: Path) -> Script:
    """Parse a script. Nothing of it is run.

    Raises:
        InputError: if it cannot be read or is not valid Python.
    """
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        message = f"{path}{where}: is not valid Python: {getattr(error, 'msg', error)}"
        raise InputError(message) from None
    caches = [file.stat().st_mtime for file in path.parent.rglob(CACHES)]
    return Script(path, tree, dict(_local(tree, path.parent)), min(caches, default=None))


def _local(tree: ast.Module, folder: Path) -> Iterator[tuple[str, LocalModule]]:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level <= 1:
            names = [node.module]
        for name in names:
            stem = folder.joinpath(*name.split("."))
            for file in (stem.with_suffix(".py"), stem / "__init__.py"):
                if file.is_file():
                    yield name, LocalModule(file, file.stat().st_mtime)
