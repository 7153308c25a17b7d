"""Hooks that cannot harm the run in which they are called."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch

if TYPE_CHECKING:
    from tunewell.train.observer.observer import Observer

Hook = TypeVar("Hook", bound=Callable[..., Any])


def guarded(hook: Hook) -> Hook:
    """Time a hook, and turn anything it raises into a recorded event: it cannot harm the run."""

    @functools.wraps(hook)
    def safe(self: Observer, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        if torch.compiler.is_compiling():
            return  # what is traced here would become part of the user's graph
        started = time.perf_counter()
        try:
            hook(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  the run goes on, whatever breaks here
            self.broke(hook.__name__, error)
        self.cost += time.perf_counter() - started

    return cast("Hook", safe)


def harmless(hook: Hook) -> Hook:
    """The same for a method of an adapter, whose observer is its `_observer`."""

    @functools.wraps(hook)
    def safe(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        try:
            hook(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  the run goes on, whatever breaks here
            observer = getattr(self, "_observer", None)
            if observer is not None:
                observer.broke(hook.__name__, error)

    return cast("Hook", safe)
