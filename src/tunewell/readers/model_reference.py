"""Turn what the user calls a model into a folder."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from tunewell.core.errors import InputError, MissingExtraError

PACKAGE = "package:"
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


def resolve_model(reference: str, *, base: Path, hub: bool = False) -> Path:
    """The folder that a model reference names.

    A reference is a folder (relative ones are tried from `base`, then from the working folder),
    `package:NAME/FOLDER` for a folder inside an installed Python package, or, with `hub`, a name
    on the Hugging Face hub, which is then fetched.

    Raises:
        InputError: if it names nothing that is there.
    """
    if reference.startswith(PACKAGE):
        return _in_package(reference)
    for start in (base, Path()):
        folder = start / reference
        if folder.is_dir():
            return folder
        if folder.exists():
            message = f"{folder}: is a file; a model is a folder with config.json and its weights"
            raise InputError(message)
    if hub and HUB_NAME.fullmatch(reference):
        return _from_hub(reference)
    hint = "" if hub else "; a name on the Hugging Face hub is fetched only with --hub"
    message = f"model {reference!r}: no such folder{hint}"
    raise InputError(message)


def _in_package(reference: str) -> Path:
    name, _, inside = reference.removeprefix(PACKAGE).partition("/")
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        message = f"model {reference!r}: the Python package {name} is not installed"
        raise InputError(message)
    folder = Path(spec.origin).parent / inside
    if not folder.is_dir():
        message = f"model {reference!r}: the package {name} has no folder {inside!r}"
        raise InputError(message)
    return folder


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415  an optional dependency
    except ImportError:
        message = "fetching from the hub needs transformers: pip install 'tunewell[train]'"
        raise MissingExtraError(message) from None
    try:
        return Path(snapshot_download(name))
    except Exception as error:  # noqa: BLE001  the hub client raises errors of many libraries
        reason = str(error).partition("\n")[0]
        message = f"model {name!r}: could not be fetched from the hub: {reason}"
        raise InputError(message) from None
