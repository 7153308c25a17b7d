"""The model of a plan: a folder, a config.json or a known name; nothing is fetched unasked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunewell.core.errors import InputError
from tunewell.knowledge import models
from tunewell.readers.checkpoint import position_limit
from tunewell.readers.model_reference import PACKAGE, resolve_model
from tunewell.subjects.checkpoint import Checkpoint

CONFIG = "config.json"


@dataclass(frozen=True, slots=True)
class FoundModel:
    """The model, and what it was taken for. `folder` is None where only its shapes are known."""

    checkpoint: Checkpoint | None
    folder: Path | None
    reason: str


def find_model(reference: str, *, base: Path, hub: bool) -> FoundModel:
    """What a reference names: a folder, a config.json, or a name that is known.

    Files go before names, and with `hub` the hub before what is known of a name.

    Raises:
        InputError: if it names nothing, with what to give instead.
    """
    for start in (base, Path()):
        path = start / reference
        if path.is_file():
            return FoundModel(_of_file(path), None, "the file itself; no weights are needed")
        if path.is_dir():
            return FoundModel(None, path, f"named {reference}")
    known = models.find(reference)
    if known is not None and not hub:
        checkpoint = Checkpoint(
            path=Path(reference), config=known.config, max_length=position_limit(known.config)
        )
        return FoundModel(checkpoint, None, f"shapes of a known model: {known.source}")
    if reference.startswith(PACKAGE) or hub:
        return FoundModel(None, resolve_model(reference, base=base, hub=hub), f"named {reference}")
    alike = models.alike(reference)
    close = f" (alike: {', '.join(alike)})" if alike else ""
    message = (
        f"model {reference!r} is neither a folder nor a config.json nor a known name{close}: pass "
        "its folder or its config.json; a name on the Hugging Face hub is fetched only with --hub"
    )
    raise InputError(message)


def known_model(reference: str) -> FoundModel | None:
    """A model that a configuration names and that is not here, by what is known of its name."""
    known = models.find(reference)
    return find_model(reference, base=Path(), hub=False) if known is not None else None


def _of_file(path: Path) -> Checkpoint:
    """A model by its config.json alone."""
    try:
        config: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise InputError(message) from None
    except ValueError:
        message = f"{path}: is not JSON; a model is a folder, its config.json or a known name"
        raise InputError(message) from None
    if not isinstance(config, dict) or not config:
        message = f"{path}: is not the config.json of a model"
        raise InputError(message)
    return Checkpoint(path=path, config=config, max_length=position_limit(config))
