"""Parts of a split in another language than most: screened by the engine, told in Python."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tunewell.facts import data_engine
from tunewell.facts.memo import fact
from tunewell.facts.parts import of_roles, parts
from tunewell.facts.scan import Ints, screened
from tunewell.facts.writing.language import (
    OTHER_SCRIPT,
    SCRIPTS,
    WORDS,
    foreign_words,
    own_words,
    told,
    usual,
)
from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import ASKED, LEARNED, Role

SPOKEN = ASKED | LEARNED - {Role.TOOL_CALL} | {Role.TEXT, Role.SECOND, Role.NEGATIVE, Role.REJECTED}
"""Parts that are language; system texts and tools may be in the language of whoever made them."""

SAMPLED = 200
SAMPLED_CHARACTERS = 400
LEAST_TOLD = 0.2
"""Share of the sampled texts that must be in one language for it to be that of the data."""

OWN_WORDS = 3
"""Words that only the main language has, from which on a text is taken to be in it."""

FEW_LETTERS = 0.2
"""Share of letters of the main script, below which a text is looked at."""

FOREIGN_WORDS = 2
"""Words, or marks, that it does not have, below which a text is in no other language."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """Part number `at`, in row `row`, is in another language."""

    at: int
    row: int
    language: str


@fact
def main_language(split: Split) -> str:
    """The language, or the script, of most of a sample of the texts; "" where none tells."""
    at = of_roles(split, SPOKEN)
    if not len(at):
        return ""
    chosen = at[np.unique(np.linspace(0, len(at) - 1, SAMPLED).astype(np.int64))]
    texts = parts(split).texts
    sample = [texts[int(one)][:SAMPLED_CHARACTERS] for one in chosen]
    name = usual(sample)
    return name if sum(told(text) == name for text in sample) >= LEAST_TOLD * len(sample) else ""


@fact
def foreign(split: Split, main: str) -> tuple[Foreign, ...]:
    """The parts that are surely in another language than `main`."""
    known = parts(split)
    spoken = np.isin(known.role, [int(role) for role in SPOKEN])
    row_of = known.row
    found: list[Foreign] = []
    for at in _candidates(split, main).tolist():
        if not spoken[at]:
            continue
        text = known.texts[at]
        language = told(text)
        if language and language != main:
            found.append(Foreign(at, int(row_of[at]), language))
    return tuple(found)


def _candidates(split: Split, main: str) -> Ints:
    """Parts with few words, or few letters, of the main language, and others of another."""
    texts = parts(split).texts
    if main in WORDS:
        own = screened(split, own_words(main, OWN_WORDS))
        others = np.setdiff1d(np.arange(len(texts)), own)
        strange = data_engine.found(texts.take(others), foreign_words(main, FOREIGN_WORDS))
        return np.union1d(others[strange], screened(split, OTHER_SCRIPT))
    lengths = np.asarray(data_engine.over(texts, lambda column: column.length()))
    letters = SCRIPTS["Japanese kana"] + SCRIPTS["Chinese characters"]
    own = _counts(split, f"[{letters if main == 'Japanese' else SCRIPTS[main]}]")
    return np.flatnonzero((lengths > 0) & (own < FEW_LETTERS * lengths))


def _counts(split: Split, pattern: str) -> Ints:
    functions = data_engine.daft().functions
    texts = parts(split).texts
    return np.asarray(
        data_engine.over(texts, lambda column: functions.regexp_count(column, pattern)),
        dtype=np.int64,
    )
