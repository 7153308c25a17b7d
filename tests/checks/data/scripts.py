"""Scripts for the tests of checks that read them."""

import ast
from pathlib import Path

from tunewell.subjects.script import LocalModule, Script


def script(text: str, *, edited: bool | None = None) -> Script:
    """A script with a module `prepare` beside it, edited after the cache was filled or before."""
    module = LocalModule(Path("prepare.py"), changed_at=2.0 if edited else 0.0)
    return Script(
        path=Path("train.py"),
        tree=ast.parse(text),
        local={"prepare": module},
        cached_at=None if edited is None else 1.0,
    )
