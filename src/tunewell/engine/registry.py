"""Find every check: the package's own by walking `tunewell.checks`, others by entry point."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from importlib.metadata import entry_points

import tunewell.checks
from tunewell.core.check import REGISTRY, Check
from tunewell.core.errors import SettingsError

ENTRY_POINT_GROUP = "tunewell.checks"


@functools.cache
def load() -> tuple[Check, ...]:
    """Import every check once and return them by code."""
    for module in pkgutil.walk_packages(tunewell.checks.__path__, f"{tunewell.checks.__name__}."):
        if not module.ispkg:
            importlib.import_module(module.name)
    for point in entry_points(group=ENTRY_POINT_GROUP):
        point.load()
    return tuple(REGISTRY[code] for code in sorted(REGISTRY))


def find(code_or_name: str) -> Check:
    """One check by its code or name, in any case.

    Raises:
        SettingsError: if there is none; the text names the nearest ones.
    """
    wanted = code_or_name.lower().replace("_", "-")
    for candidate in load():
        if wanted in (candidate.code.lower(), candidate.name):
            return candidate
    from difflib import get_close_matches  # noqa: PLC0415  only on this path

    known = {name.lower(): name for check in load() for name in (check.code, check.name)}
    near = [known[name] for name in get_close_matches(wanted, known, n=3)]
    hint = f"; near to it: {', '.join(near)}" if near else ""
    message = f"no check is called {code_or_name!r}{hint} (tunewell explain --all lists them)"
    raise SettingsError(message)


def matches(check: Check, selector: str) -> bool:
    """Whether a selector names this check: a code, its prefix, a name, a family or a category."""
    wanted = selector.lower().replace("_", "-")
    return wanted in (check.name, check.family, check.category.value) or (
        check.code.lower().startswith(wanted)
    )


def require_known(selector: str) -> None:
    """Check that a selector names at least one check.

    Raises:
        SettingsError: if it names none.
    """
    if not any(matches(check, selector) for check in load()):
        find(selector)
