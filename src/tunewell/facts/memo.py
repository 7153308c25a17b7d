"""Remember what was derived from a subject for as long as the subject lives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Subject = TypeVar("Subject")
Result = TypeVar("Result")
P = ParamSpec("P")


def fact(
    derive: Callable[Concatenate[Subject, P], Result],
) -> Callable[Concatenate[Subject, P], Result]:
    """Compute `derive` once for each subject and each set of further (hashable) arguments.

    Subjects compare by identity and are frozen, so a remembered result can never be stale.
    """
    remembered: WeakKeyDictionary[Any, dict[Any, Result]] = WeakKeyDictionary()

    @functools.wraps(derive)
    def recall(subject: Subject, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        results = remembered.setdefault(subject, {})
        key = (args, tuple(sorted(kwargs.items())))
        if key not in results:
            results[key] = derive(subject, *args, **kwargs)
        return results[key]

    return recall
