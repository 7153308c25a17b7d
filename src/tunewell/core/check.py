"""The `@check` decorator, what it records, and the registry it fills."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ParamSpec

from tunewell.core.finding import Category, Confidence, Finding, Severity

FAMILY_OF_PREFIX = {
    "DAT": "data",
    "FIT": "fit",
    "HYP": "hyperparameters",
    "HW": "hardware",
    "MET": "metrics",
    "ERR": "errors",
    "ADA": "adaptation",
}


class NotApplicableError(Exception):
    """Raised by a check that the subject at hand gives nothing to look at; the text is shown."""


class NotRunError(Exception):
    """Raised by a check that lacks something the user could pass; the text says what."""


@dataclass(frozen=True, slots=True)
class Option:
    """A keyword-only parameter of a check: a threshold the user may set."""

    name: str
    type: Any
    default: object


@dataclass(frozen=True, slots=True)
class Need:
    """A positional parameter of a check: a subject it examines."""

    subject: type
    required: bool


@dataclass(frozen=True, slots=True)
class Check:
    """Everything known about one check, read off its decorator, signature and docstring."""

    code: str
    name: str
    family: str
    category: Category
    severity: Severity
    confidence: Confidence
    since: str
    covers: tuple[str, ...]
    needs: tuple[Need, ...]
    options: tuple[Option, ...]
    run: Callable[..., Iterable[Finding]]
    doc: str
    by_name: bool = False

    @property
    def summary(self) -> str:
        """First line of the page."""
        return self.doc.partition("\n")[0]


REGISTRY: dict[str, Check] = {}
"""Every registered check by code. `tunewell.engine.registry.load` fills it."""

P = ParamSpec("P")


def check(  # noqa: PLR0913  each is a fact about the check
    code: str,
    *,
    category: Category,
    severity: Severity,
    confidence: Confidence = Confidence.HIGH,
    covers: tuple[str, ...] = (),
    since: str = "0.1",
    by_name: bool = False,
) -> Callable[[Callable[P, Iterable[Finding]]], Callable[P, Iterable[Finding]]]:
    """Register a function as a check.

    Positional parameters say, by type, which subjects it needs; `X | None` means "if there is
    one". Keyword-only parameters are its options. The docstring is its page. The function's name
    with dashes is the check's name.

    `by_name` says that the check judges which settings are written, not their values: it is right
    about one whose value its source does not tell, such as an argument of the command line.

    Raises:
        ValueError: if the code is taken or its prefix names no family.
    """

    def register(run: Callable[P, Iterable[Finding]]) -> Callable[P, Iterable[Finding]]:
        prefix = code.rstrip("0123456789")
        if prefix not in FAMILY_OF_PREFIX:
            message = f"{code}: the prefix names no family; known: {', '.join(FAMILY_OF_PREFIX)}"
            raise ValueError(message)
        name = run.__name__.replace("_", "-")
        taken = REGISTRY.get(code)
        if taken is not None and taken.name != name:
            message = f"{code} is taken by {taken.name}"
            raise ValueError(message)
        hints = typing.get_type_hints(run)
        parameters = inspect.signature(run).parameters.values()
        REGISTRY[code] = Check(
            code=code,
            name=name,
            family=FAMILY_OF_PREFIX[prefix],
            category=category,
            severity=severity,
            confidence=confidence,
            since=since,
            covers=covers,
            needs=tuple(
                _need(hints[p.name]) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD
            ),
            options=tuple(
                Option(p.name, hints[p.name], p.default)
                for p in parameters
                if p.kind is p.KEYWORD_ONLY
            ),
            run=run,
            doc=inspect.getdoc(run) or "",
            by_name=by_name,
        )
        return run

    return register


def _need(hint: Any) -> Need:  # noqa: ANN401  a type hint has no narrower type
    if isinstance(hint, types.UnionType):
        subjects = [arg for arg in typing.get_args(hint) if arg is not types.NoneType]
        return Need(subjects[0], required=False)
    return Need(hint, required=True)
