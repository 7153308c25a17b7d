"""Run a user's script as it is, and be told when it is about to train."""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tunewell.core.errors import InputError
from tunewell.preflight.stage import REHEARSED

TRAINER_MODULE = "transformers.trainer"

OnTrain = Callable[[Any, dict[str, Any]], None]
"""Called with the trainer and the named arguments of `train`, before it begins."""


@contextlib.contextmanager
def told_before_training(on_train: OnTrain) -> Iterator[None]:
    """Call `on_train` before every `Trainer.train()` of this process, also of subclasses.

    transformers is not imported for it: a script may set environment variables first that torch
    reads when it is imported. `Trainer` is wrapped when the script imports it.
    """
    hook = _Hook(lambda module: _wrap(module, on_train))
    loaded = sys.modules.get(TRAINER_MODULE)
    original = None if loaded is None else loaded.Trainer.train
    if loaded is not None:
        _wrap(loaded, on_train)
    else:
        sys.meta_path.insert(0, hook)
    try:
        yield
    finally:
        if hook in sys.meta_path:
            sys.meta_path.remove(hook)
        module = sys.modules.get(TRAINER_MODULE)
        if module is not None:
            wrapped = module.Trainer.train
            module.Trainer.train = original or getattr(wrapped, "__wrapped__", wrapped)


def _wrap(module: ModuleType, on_train: OnTrain) -> None:
    train = module.Trainer.train

    @functools.wraps(train)
    def told(trainer: Any, *given: Any, **named: Any) -> Any:
        if not getattr(trainer, REHEARSED, False):
            by_place = dict(zip(("resume_from_checkpoint",), given, strict=False))
            on_train(trainer, {**by_place, **named})
        return train(trainer, *given, **named)

    module.Trainer.train = told


class _Hook(importlib.abc.MetaPathFinder):
    """Finds one module as everybody else does, and does something to it once it is loaded."""

    def __init__(self, then: Callable[[ModuleType], None]) -> None:
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del target
        if fullname != TRAINER_MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._then)
        return spec


class _Loader(importlib.abc.Loader):
    """A loader that tells when it is done."""

    def __init__(self, real: Any, then: Callable[[ModuleType], None]) -> None:
        self._real = real
        self._then = then

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._real.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        self._then(module)

    def __getattr__(self, name: str) -> Any:
        # inspect and pickle ask the loader for the source.
        return getattr(self._real, name)


def run_script(script: str, arguments: Sequence[str], *, module: bool = False) -> None:
    """Run a Python file, or a module as `python -m` does, with these arguments, as `__main__`.

    Raises:
        InputError: if there is no such file or module.
        BaseException: whatever the script raises.
    """
    before = sys.argv, sys.path[:]
    if module:
        _require_module(script)
        sys.argv = [script, *arguments]
        sys.path.insert(0, "")
    else:
        if not Path(script).is_file():
            message = f"{script}: no such file"
            raise InputError(message)
        sys.argv = [script, *arguments]
        sys.path.insert(0, str(Path(script).resolve().parent))
    try:
        if module:
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(script, run_name="__main__")
    finally:
        sys.argv, sys.path[:] = before


def _require_module(name: str) -> None:
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None:
        message = f"{name}: no such module is installed here"
        raise InputError(message)
