"""Two changes of one text, made by two checks that each saw the text as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from itertools import pairwise

from tunewell.core.finding import SetText
from tunewell.facts.parts import parts
from tunewell.subjects.dataset import Split

LONGEST = 5_000
"""Characters between the first and the last difference, above which texts are not compared letter
by letter: that takes time with the square of their length."""

Piece = tuple[int, int, str]
"""Characters from the first number to the second are replaced by the text."""


def merged(old: str, first: str, second: str) -> str:
    """The text with both changes; with the first alone where they touch the same letters."""
    if second in (old, first):
        return first
    if first == old:
        return second
    one, other = _pieces(old, first), _pieces(old, second)
    if one is None or other is None:
        return first
    every = sorted({*one, *other})
    for (_, end, _), (start, *_) in pairwise(every):
        if start < end:
            return first
    if len({start for start, *_ in every}) < len(every):
        return first  # two different texts put into the same place
    return "".join(_written(old, every))


def with_text(split: Split, texts: Mapping[int, str], edit: SetText) -> dict[int, str]:
    """The new texts of a row, by number of the part, with one more edit of it."""
    known = parts(split)
    was = known.texts[int(known.start[edit.row]) + edit.part]
    return {**texts, edit.part: merged(was, texts.get(edit.part, was), edit.new)}


def _written(old: str, pieces: list[Piece]) -> Iterator[str]:
    at = 0
    for start, end, text in pieces:
        yield old[at:start]
        yield text
        at = end
    yield old[at:]


def _pieces(old: str, new: str) -> list[Piece] | None:
    """What was replaced; None where the texts are too long to be compared."""
    low = 0
    most = min(len(old), len(new))
    while low < most and old[low] == new[low]:
        low += 1
    tail = 0
    while tail < most - low and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    a, b = old[low : len(old) - tail], new[low : len(new) - tail]
    if max(len(a), len(b)) > LONGEST:
        return None
    found = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [(low + i, low + j, b[k:m]) for tag, i, j, k, m in found if tag != "equal"]
