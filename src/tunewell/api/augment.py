"""The user's own generator of texts, by the name it is imported by."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tunewell.core.errors import SettingsError
from tunewell.subjects.augmenter import Augmenter


def load_augmenter(reference: str) -> Augmenter:
    """The function that `module:function` names; modules of the working folder are found too.

    It is named on the command line and nowhere else: no file of a project can have it run.

    Raises:
        SettingsError: if there is no such function.
    """
    module_name, _, name = reference.partition(":")
    if not module_name or not name:
        message = f"--augment-with {reference}: write module:function"
        raise SettingsError(message)
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        message = f"--augment-with {reference}: {error}"
        raise SettingsError(message) from None
    finally:
        if added:
            sys.path.remove(here)
    function = getattr(module, name, None)
    if not callable(function):
        message = f"--augment-with {reference}: {module_name} has no function {name!r}"
        raise SettingsError(message)
    return Augmenter(name=reference, generate=function)
