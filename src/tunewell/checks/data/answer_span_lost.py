"""DAT118: answer spans that point elsewhere than at the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Table,
)
from tunewell.subjects.batch import Batch, BatchRow

SHOWN = 8
FEWEST_ROWS = 4


@dataclass(frozen=True, slots=True)
class Span:
    """The span of a row decoded, the answers it should be, and what is wrong: "" for nothing."""

    row: int
    text: str
    gold: str
    problem: str


WRONG, CUT, BEYOND = "points elsewhere", "points at no answer", "beyond the row"


@check("DAT118", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D47",))
def answer_span_lost(
    batch: Batch, *, max_wrong: float = 0.05, max_cut: float = 0.2
) -> Iterator[Finding]:
    """Start and end positions that do not decode to the answer, or answers cut off by truncation.

    ## What it finds
    Rows of extractive question answering whose `start_positions` and `end_positions` point at other
    tokens than the answer, or beyond the row; answers that truncation has cut off; and training
    sets in which every span is the same token.

    ## Why it matters
    The loss falls all the same: the model learns to point at wrong words, or at the first token,
    which means that there is no answer. Positions beyond the row are left out without a word.

    ## How it is measured
    The tokens of each span are decoded and held against the row's own answers (`answers` or
    `answer_text`), without case and spaces. More than `max_wrong` of the rows (0.05, for tokens
    that are wider than the answer) is an error; more than `max_cut` (0.2, because the longest rows
    are among those sampled) that point at the first token, or whose tokens hold no answer, is a
    warning. Rows without answers
    can only be found where all their spans are one and the same token.

    ## Example
    Offsets of the context used as if the question did not stand before it.

    ## Fix
    Take the tokens whose offsets meet the answer among those with `sequence_ids() == 1`; use
    `stride` and `return_overflowing_tokens` for long contexts.

    ## When it is wrong
    When the column of answers holds other answers than those to be learned.

    ## Sources
    Fault D47 of the catalogue, reproduced with transformers 5.23.
    """
    if batch.task != "span":
        reason = "the model answers no questions by a span"
        raise NotApplicableError(reason)
    spans = [span for row in batch.train.rows if (span := _span(row)) is not None]
    known = [span for span in spans if span.gold]
    wrong = [span for span in known if span.problem in (WRONG, BEYOND)]
    cut = [span for span in known if span.problem == CUT]
    if known and len(wrong) > max_wrong * len(known):
        yield _finding(wrong, known, max_wrong, *POINTS_ELSEWHERE)
    elif known and len(cut) > max_cut * len(known):
        found = _finding(cut, known, max_cut, *LOST)
        yield msgspec.structs.replace(
            found, severity=Severity.WARNING, confidence=Confidence.MEDIUM
        )
    elif not known and len(spans) >= FEWEST_ROWS and len({_ends(r) for r in batch.train.rows}) == 1:
        found = _finding(spans, spans, 0.0, *ALIKE)
        yield msgspec.structs.replace(found, confidence=Confidence.MEDIUM)


POINTS_ELSEWHERE = (
    "do not decode to the answer",
    "take the tokens whose offsets meet the answer and whose sequence_ids() is 1",
)
LOST = (
    "have lost their answer, most often to truncation",
    "cut long contexts into overlapping rows: stride and return_overflowing_tokens",
)
ALIKE = ("point at one and the same token", "look at how answers become positions")


def _finding(bad: list[Span], of: list[Span], bound: float, what: str, title: str) -> Finding:
    example = f": row {bad[0].row} has {bad[0].text!r}"
    example += f" for {bad[0].gold!r}" if bad[0].gold else ""
    return Finding(
        message=f"{len(bad):,} of {len(of):,} sampled answer spans {what}{example}",
        where=tuple(Row(split="train", index=span.row) for span in bad),
        evidence=(
            Number(
                name="spans",
                value=100 * len(bad) / len(of),
                unit="%",
                bound=f"at most {100 * bound:g} %",
            ),
            Table(
                name="spans and answers",
                columns=("row", "tokens of the span", "answer", "what is wrong"),
                rows=tuple((s.row, s.text, s.gold, s.problem) for s in bad[:SHOWN]),
                total=len(bad),
            ),
        ),
        impact="the model learns to point at other words, or that there is no answer",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
    )


def _ends(row: BatchRow) -> tuple[Any, Any]:
    return row.source.get("start_positions"), row.source.get("end_positions")


def _span(row: BatchRow) -> Span | None:
    start, end = _ends(row)
    if not isinstance(start, int) or not isinstance(end, int) or row.index is None:
        return None
    # Positions count the row's own tokens: left padding of the batch moves them.
    shift = int(np.argmax(row.attended)) if row.attended.any() else 0
    pieces = row.pieces[shift:]
    text = "".join(pieces[start : end + 1])
    golds = _golds(row.source)
    gold = next((gold for gold in golds if gold.strip()), "")
    problem = ""
    if max(start, end) >= len(pieces):
        problem = BEYOND
    elif gold and not any(_folded(one) in _folded(text) for one in golds if one.strip()):
        there = any(_folded(one) in _folded("".join(pieces)) for one in golds if one.strip())
        # The first token is what everybody writes for an answer that is not there.
        problem = WRONG if there and end > 0 else CUT
    return Span(row.index, text.strip(), gold, problem)


def _golds(source: Mapping[str, Any]) -> list[str]:
    answers = source.get("answers", source.get("answer_text", source.get("answer")))
    if isinstance(answers, Mapping):
        answers = answers.get("text")
    if isinstance(answers, str):
        return [answers]
    return [one for one in answers if isinstance(one, str)] if isinstance(answers, list) else []


def _folded(text: str) -> str:
    return "".join(text.lower().replace("##", "").split())
