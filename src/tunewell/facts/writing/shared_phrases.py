"""Phrases with which many texts begin or end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.facts.memo import fact
from tunewell.facts.parts import of_roles, parts
from tunewell.facts.writing.lengths import lengths
from tunewell.subjects.dataset import Split
from tunewell.subjects.parts import Role

PHRASE = 24
"""Characters that must agree: four or five words."""
LONG_TEXT = 4 * PHRASE
FEWEST_WORDS = 3
FORMAT = re.compile(r"[{}<>\[\]=\n#|]")


@dataclass(frozen=True)
class SharedPhrase:
    """A phrase with which the parts `at` of a split begin or, with `ends`, end."""

    at: NDArray[np.int64]
    phrase: str
    ends: bool


@fact
def shared_phrases(
    split: Split, roles: frozenset[Role], *, share: float, fewest: int
) -> tuple[SharedPhrase, ...]:
    """The most frequent beginning and ending of the texts of these roles.

    Texts shorter than `LONG_TEXT` characters are left out, and so are formats: JSON, markup,
    headings. `share` of the others, and at least `fewest`, must begin or end with the same
    `PHRASE` characters and not be the same text.
    """
    import pyarrow.compute as pc  # noqa: PLC0415  0.15 s that --help need not wait for

    at = of_roles(split, roles)
    at = at[lengths(split)[at] >= LONG_TEXT]
    needed = max(fewest, share * len(at))
    if len(at) < needed:
        return ()
    texts = parts(split).texts.take(at)
    found = []
    for ends, start, stop in ((False, 0, PHRASE), (True, -PHRASE, None)):
        pieces = pc.utf8_slice_codeunits(texts.column, start, stop).combine_chunks()
        coded = pieces.dictionary_encode()
        code = np.asarray(coded.indices)
        counts = np.bincount(code)
        most = int(counts.argmax())
        phrase = coded.dictionary[most].as_py()
        members = np.flatnonzero(code == most)
        if len(members) < needed or not _is_wording(phrase):
            continue
        alike = texts.take(members)
        if len(set(alike)) > len(members) // 2:
            found.append(SharedPhrase(at[members], _whole(alike, ends=ends), ends))
    return tuple(found)


def _whole(texts: Sequence[str], *, ends: bool) -> str:
    """All that the texts begin or end with, to the end of its last whole word."""
    if not ends:
        shared = _beginning(texts)
        return shared[: shared.rfind(" ") + 1] or shared
    turned = [text[::-1] for text in texts]
    shared = _beginning(turned)[::-1]
    return shared[shared.find(" ") :] if " " in shared.strip() else shared


def _beginning(texts: Sequence[str]) -> str:
    """What all texts begin with: what the first and the last of them in order do."""
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((at for at, (one, other) in pairs if one != other), len(first))]


def _is_wording(phrase: str) -> bool:
    words = re.findall(r"[^\W\d_]{2,}", phrase)
    return len(words) >= FEWEST_WORDS and not FORMAT.search(phrase)
