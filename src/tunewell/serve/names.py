"""What of a run the page shows, by the names of its columns and settings."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from tunewell.core.mask import mask, masked
from tunewell.report.words import visible
from tunewell.serve.series import DRAWN

UNSHOWN = frozenset({"batch_mark", "evaluation_mode", "epoch", "total_flos"})
"""Marks that mean nothing to the eye, and what the head of the page says."""

LAYERS = "update_ratio/"
UNSHOWN_LAYERS = ("gradient_rms/", "weight_rms/")
"""Of the figures of a layer the update ratio tells most; the others would triple the bytes."""

LAYER_COLUMNS = 150
"""Columns of the heat map over layers: each is 4 pixels wide."""

SECRET = re.compile(
    r"(?i)(^|[_.-])(token|secret|password|passwd|api_?key|private_?key|credentials?)$",
)
SPECIAL = re.compile(r"^[<\[|].*[>\]|]$")
"""Tokens of a tokenizer, such as <pad> and [CLS], are no secrets."""

LONGEST = 300
MOST_SETTINGS = 600
MOST_NAMES = 3_000
"""Columns kept of one run: a log of junk must not fill the memory."""


def drawn(name: str) -> int:
    """Points sent of a column at most; 0 where it is not shown."""
    if name in UNSHOWN or name.startswith(UNSHOWN_LAYERS):
        return 0
    return LAYER_COLUMNS if name.startswith(LAYERS) else DRAWN


def text(value: object) -> str:
    """A text from a log, short, with secrets masked and nothing in it that acts."""
    said = mask(str(value))
    return visible(said if len(said) <= LONGEST else said[:LONGEST] + "…", keep="\n")


def settings(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings as the page lists them: flat, sorted by name, secrets masked."""
    flat: list[tuple[str, str]] = []
    _flatten(given, "", flat)
    return sorted(flat)[:MOST_SETTINGS]


def _flatten(given: Mapping[str, Any], before: str, flat: list[tuple[str, str]]) -> None:
    for key, value in given.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping) and value and name.count(".") < 8:  # noqa: PLR2004  a bound
            _flatten(value, f"{name}.", flat)
        elif value is not None and value != "":
            flat.append((text(name), _said(name, value)))


def _said(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str) and SECRET.search(name) and not SPECIAL.match(value):
        return text(masked(value, "secret"))
    return text(value)
