"""Tunewell finds out why a fine-tune is failing or will fail, repairs it, and proves the repair."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tunewell.core.version import VERSION

if TYPE_CHECKING:
    from tunewell.api.public import (
        adapt,
        check,
        compare,
        diagnose,
        errors,
        plan,
        train,
        tune,
    )
    from tunewell.core.document import Document
    from tunewell.core.finding import Confidence, Finding, Severity
    from tunewell.train.keras import KerasWatch
    from tunewell.train.lightning import LightningWatch
    from tunewell.train.loop import watch
    from tunewell.train.watch import Watch

__version__ = VERSION

_HOME = {
    **dict.fromkeys(
        ("adapt", "check", "compare", "diagnose", "errors", "plan", "train", "tune"),
        "tunewell.api.public",
    ),
    "Confidence": "tunewell.core.finding",
    "Document": "tunewell.core.document",
    "Finding": "tunewell.core.finding",
    "Guard": "tunewell.train.guard.guard",
    "Severity": "tunewell.core.finding",
    "KerasWatch": "tunewell.train.keras",
    "LightningWatch": "tunewell.train.lightning",
    "Watch": "tunewell.train.watch",
    "watch": "tunewell.train.loop",
}

__all__ = [
    "Confidence",
    "Document",
    "Finding",
    "Guard",
    "KerasWatch",
    "LightningWatch",
    "Severity",
    "Watch",
    "__version__",
    "adapt",
    "check",
    "compare",
    "diagnose",
    "errors",
    "plan",
    "train",
    "tune",
    "watch",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  the module's own names, of every type
    # Names load on first use, so that `import tunewell` costs nothing and needs no torch.
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted(__all__)


class _Part(ModuleType):
    """A part of the package that bears the name of a command, and can be called as that."""

    def __call__(self, *args: Any, **named: Any) -> Any:  # noqa: ANN401  the command's own
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(_HOME[name]), name)(*args, **named)


class _Package(ModuleType):
    def __setattr__(self, name: str, value: object) -> None:
        # The first import of `tunewell.plan` binds the part to the name of the function `plan`.
        if name in _HOME and isinstance(value, ModuleType):
            value.__class__ = _Part
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
