"""How answers end in a batch: with a trained end token, a masked one, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tunewell.facts.targets import Document, spans
from tunewell.subjects.batch import IGNORED, Collated, Vocabulary
from tunewell.subjects.recipe import Recipe

ANSWER_MARK = re.compile(
    r"###\s?(Response|Answer|Output|Assistant)|\[/INST\]|"
    r"(?i:\b(assistant|answer|response|output|summary|translation|label|bot|gpt))\s*:"
)
"""What well-known formats write in front of an answer."""

MOSTLY = 0.75
"""Share of the longest rows without an end that shows a cut; some are of that length by chance."""

RAW = ("messages", "prompt", "completion", "text", "conversations")
"""Columns of rows that a trainer tokenises, and cuts, itself."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a run of trained tokens.

    `state` is "trained", "masked" (an end token follows and is not trained) or "open" (none
    follows). `place` is that of the end token in the row, or of the last trained token.
    """

    document: Document
    place: int
    state: str

    @property
    def piece(self) -> str:
        """The token at the end, decoded."""
        return self.document.row.pieces[self.place]


def answer_ends(document: Document, vocabulary: Vocabulary) -> Iterator[End]:
    """How each run of trained tokens ends; a run that goes on with no end token counts once.

    In the middle of a text a run may end for many reasons, so "open" is said of the last one alone.
    """
    ends = vocabulary.terminators | vocabulary.generation_ends
    never = {vocabulary.bos, vocabulary.pad, vocabulary.unknown, vocabulary.mask}
    may_end = ends | (vocabulary.special - never)
    row = document.row
    runs = list(spans(document))
    for number, (low, high) in enumerate(runs):
        last = _last_said(row.pieces, low, high)
        if int(row.ids[last]) in may_end:
            yield End(document, last, "trained")
            continue
        after = _next_said(row.pieces, last + 1, document.high)
        if after is not None and int(row.ids[after]) in ends and _is_own(document, after):
            yield End(document, after, "masked")
        elif number == len(runs) - 1:
            yield End(document, last, "open")


def masked_by_padding(masked: Sequence[End], vocabulary: Vocabulary) -> bool:
    """Whether the end tokens are masked for being padding: rows do not bring them masked."""
    for end in masked:
        document, labels = end.document, end.document.row.source.get("labels")
        if int(document.row.ids[end.place]) != vocabulary.pad:
            return False
        place = end.place - document.low
        if isinstance(labels, list) and place < len(labels) and labels[place] == IGNORED:
            return False
    return True


def is_answer(document: Document, vocabulary: Vocabulary) -> bool:
    """Whether a text is known to end with an answer: turns, a masked question, or their marks."""
    if not document.whole or {"messages", "completion"} & set(document.row.source):
        return True
    marks = vocabulary.special - {
        vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.unknown,
    }  # fmt: skip
    if marks & set(document.ids.tolist()):
        return True
    said = "".join(document.row.pieces[document.low : document.high])
    return ANSWER_MARK.search(said) is not None


def cut_length(
    sample: Collated, found: Sequence[Document], ends: Sequence[End], recipe: Recipe | None
) -> int | None:
    """The length at which rows are cut; None where no length is known to cut.

    TRL cuts what it tokenises at `max_length`. Of other trainers it shows in the rows: several of
    the greatest length have no end, and most of the shorter ones have.
    """
    if recipe is not None and recipe.format == "trl" and recipe.max_length is not None:
        raw = any(set(RAW) & set(row.source) for row in sample.rows)
        if raw or recipe.preparation.packing:
            return recipe.max_length
    sizes = np.array([len(document.ids) for document in found])
    longest = int(sizes.max())
    last = {id(end.document): end.state for end in ends}
    states = [last.get(id(document)) for document in found]
    known = [(s, size) for s, size in zip(states, sizes, strict=True) if s is not None]
    of_longest = [state for state, size in known if size == longest]
    shorter = [state for state, size in known if size < longest]
    cut = len(of_longest) > 1 and of_longest.count("open") >= MOSTLY * len(of_longest)
    return longest if cut and shorter.count("trained") > len(shorter) / 2 else None


def _last_said(pieces: Sequence[str], low: int, high: int) -> int:
    return next(place for place in range(high - 1, low - 1, -1) if pieces[place].strip())


def _next_said(pieces: Sequence[str], low: int, high: int) -> int | None:
    return next((place for place in range(low, high) if pieces[place].strip()), None)


def _is_own(document: Document, place: int) -> bool:
    """Whether a token is the row's own: padding may be the same token and lack a mask."""
    ids = document.row.source.get("input_ids")
    return not isinstance(ids, list) or place - document.low < len(ids)
