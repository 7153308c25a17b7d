"""Find the parts of a split that a pattern fits: screened by the engine, confirmed in Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.facts import data_engine
from tunewell.facts.memo import fact
from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

FEW_TEXTS = 2000
"""Fewer texts are searched in Python: starting the engine takes 0.3 s."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A pattern and what it is looked for in.

    `pattern` must mean the same to Rust's regex crate and to Python's `re`: no look-around, no
    references to groups. `confirm` gets each text that fits and has the last word. `roles` limits
    the search to parts of these roles.
    """

    pattern: str
    confirm: Callable[[str], bool] | None = None
    roles: frozenset[Role] | None = None


@fact
def screened(split: Split, pattern: str) -> Ints:
    """The numbers of the parts in which a pattern is found."""
    texts = parts(split).texts
    if len(texts) < FEW_TEXTS and data_engine.chosen() is data_engine.Engine.NATIVE:
        search = re.compile(pattern).search
        hits = [at for at, text in enumerate(texts) if search(text)]
        return np.array(hits, dtype=np.int64)
    return data_engine.found(texts, pattern)


@fact
def fitting(split: Split, screen: Screen) -> Ints:
    """The numbers of the parts that a screen fits, in order."""
    at = screened(split, screen.pattern)
    known = parts(split)
    if screen.roles is not None:
        at = at[np.isin(known.role[at], [int(role) for role in screen.roles])]
    if screen.confirm is not None:
        confirm = screen.confirm
        at = np.array([part for part in at.tolist() if confirm(known.texts[part])], dtype=np.int64)
    return at


def rows_of(split: Split, at: Ints) -> Ints:
    """The rows of these parts, each once, in order."""
    return np.unique(np.searchsorted(parts(split).start, at, side="right") - 1)
