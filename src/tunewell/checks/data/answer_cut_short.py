"""DAT020: answers that stop in the middle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Confidence, Evidence, Finding, Number, Severity, Table
from tunewell.core.words import counted
from tunewell.facts.parts import of_roles, parts, require_kind
from tunewell.facts.scan import Screen, fitting, screened
from tunewell.facts.writing.flagged import Flagged, joined
from tunewell.facts.writing.lengths import lengths
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

KINDS = (Kind.INSTRUCTION, Kind.COMPLETION, Kind.CHAT, Kind.PREFERENCE, Kind.UNPAIRED)
ANSWERS = frozenset({Role.ANSWER, Role.CHOSEN})
UNENDED = r"[A-Za-z0-9_\u00c0-\u024f\u0370-\u1fff\u3040-\u9fff\uac00-\ud7a3,(\[{/&-]\s*$"
"""Letters by their ranges: the engine and Python do not agree on what a word character is."""
FENCE = "```"
LIST_ITEM = re.compile(
    "^\\W*(?:[-*\u2022\u2013+]|\\(?\\d{1,3}[.):]|\\(?[A-Za-z][.):])\\s|"
    "\\b\\d{1,2}[.)] \\S.*\\b\\d{1,2}[.)] "
)
NOT_PROSE = re.compile(
    "#\\s?\\w|https?:|www\\.|@\\w|[|<>=/\\\\{}]|"
    '[-\u2013\u2014] ?[\u201c"]?[A-Z][\\w.]*( [A-Z][\\w.]+){0,4}$'
)
SENTENCE_BEFORE = re.compile('[a-z\\d)"\u201d\u2019][.!?]["\u201d\u2019]?\\s+[\u201c"\u2018]?[A-Z]')
DANGLING = re.compile(
    r"(?:,|\b(?:the|an?|of|and|or|but|because|although|their|its|your|our|than|into|whose|these|"
    r"such|very|between|whether|every)|"
    r"\b(?:in|since|until|year|as of|(?:19|20)\d\d (?:to|and)|January|February|March|April|May|"
    r"June|July|August|September|October|November|December|\d{1,2},|31 of) (?:19|20))$"
)
FEWEST_WORDS = 8
SHOWN_END = 48
MOST_CUT = 0.9
"""Where more answers than this have no end, it is how they are written."""


@dataclass(frozen=True)
class Ceiling:
    """Where answers are cut: `long` of the answers from `length` characters on, `cut` of them."""

    length: int
    long: int
    cut: int
    below: float


@check(
    "DAT020",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def answer_cut_short(
    dataset: Dataset,
    *,
    warn_share: float = 0.01,
    min_characters: int = 100,
    ended_share: float = 0.8,
    ceiling_share: float = 0.5,
    fewest_long: int = 20,
) -> Iterator[Finding]:
    """Answers that stop in the middle of a sentence or of a code block.

    ## What it finds
    - answers whose last word cannot end a sentence ("and the", "in 20") or is followed by a comma;
    - answers in which a fenced code block is opened and never closed;
    - paragraphs whose last sentence has no end, where nearly all other answers have one;
    - a common length at which answers stop, as the token limit of a generator leaves it.

    ## Why it matters
    The model learns to stop in the middle: the end-of-answer token follows a half sentence. Answers
    cut at one length teach it that this length is where every answer ends.

    ## How it is measured
    Answers of at least `min_characters` characters (100) are looked at by their last line; lists,
    verses, titles, hashtags, addresses, signed quotations and code are left out. Sentences without
    an end count only where at least `ended_share` (80 %) of these answers have one. A ceiling is
    reported where, from some length on, there are at least `fewest_long` answers (20), at least
    `ceiling_share` of them (half) have no end, and four times as many as among the shorter ones. It
    is a warning from `warn_share` of the rows on (1 %) or with a ceiling, information below. The
    bounds were set on Alpaca and held on the harmless half of HH-RLHF, where 36 of 40 answers drawn
    at random from those found are cut.

    ## Example
    `"The pandemic began in 2019, and the trend of the cases in India in 20"`

    ## Fix
    Generate these answers again with a higher limit, or drop the rows.

    ## When it is wrong
    When answers are continued in the next turn, or are meant to be completed by somebody else.

    ## Sources
    Stanford's Alpaca has answers that stop at "20", the sequence at which its generator was told to
    stop. Fault D12 of the catalogue is the same cut made by the trainer; `truncated-rows` finds it.
    """
    require_kind(dataset, KINDS)
    splits = dataset.splits
    long = [_long(split, min_characters) for split in splits]
    ceiling = _ceiling(dataset.train, long[0], ceiling_share, fewest_long)
    sure = Flagged(splits, [_unfinished(s, at) for s, at in zip(splits, long, strict=True)])
    open_ends = Flagged(
        splits, [_open(s, at, ended_share) for s, at in zip(splits, long, strict=True)]
    )
    found = joined(sure, open_ends)
    if ceiling is not None:
        at = np.intersect1d(long[0], screened(dataset.train, UNENDED))
        above = at[lengths(dataset.train)[at] >= ceiling.length]
        others = [np.empty(0, dtype=np.int64)] * (len(splits) - 1)
        found = joined(found, Flagged(splits, [above, *others]))
    if not found.count:
        return
    grave = ceiling is not None or found.share >= warn_share
    verb = "has an answer that stops" if found.count == 1 else "have an answer that stops"
    yield Finding(
        message=f"{found.of_all} {verb} in the middle" + _at(ceiling),
        where=found.where,
        evidence=_evidence(found, ceiling, warn_share),
        impact="the model learns to stop in the middle of an answer",
        fixes=(found.drop("row"),),
        severity=Severity.WARNING if grave else Severity.INFO,
    )


def _at(ceiling: Ceiling | None) -> str:
    if ceiling is None:
        return ""
    return (
        f"; {ceiling.cut:,} of the {counted(ceiling.long, 'answer')} from about "
        f"{ceiling.length:,} characters on do, as a limit on length leaves them"
    )


def _evidence(found: Flagged, ceiling: Ceiling | None, warn_share: float) -> tuple[Evidence, ...]:
    ends: list[tuple[str | float | int | None, ...]] = []
    last: Counter[str] = Counter()
    for split, at in zip(found.splits, found.parts, strict=True):
        known = parts(split)
        rows = np.searchsorted(known.start, at, side="right") - 1
        for part, row in zip(at.tolist(), rows.tolist(), strict=True):
            text = known.texts[part].rstrip()
            last[text[-12:].split()[-1] if text.split() else ""] += 1
            if len(ends) < 5:  # noqa: PLR2004  as many as a person reads
                ends.append((split.name, int(split.lines[row]), "…" + text[-SHOWN_END:]))
    evidence: list[Evidence] = [
        found.number("rows with an answer cut short", f"a warning from {100 * warn_share:g} %"),
        Table(
            name="how they end",
            columns=("split", "line", "end of the answer"),
            rows=tuple(ends),
            total=sum(len(at) for at in found.parts),
        ),
    ]
    word, times = last.most_common(1)[0]
    if times > 2:  # noqa: PLR2004  two may share a word by chance
        evidence.append(Number(name=f"of them end with {word!r}", value=times, unit="answers"))
    if ceiling is not None:
        evidence.append(
            Number(
                name="long answers without an end",
                value=100 * ceiling.cut / ceiling.long,
                unit="%",
                bound=f"{100 * ceiling.below:.1f} % of the shorter ones",
            )
        )
    return tuple(evidence)


def _long(split: Split, min_characters: int) -> Ints:
    at = of_roles(split, ANSWERS)
    chosen: Ints = at[lengths(split)[at] >= min_characters]
    return chosen


def _unfinished(split: Split, long: Ints) -> Ints:
    """Long answers that certainly go on: a dangling word, an open code block."""
    fenced = fitting(split, Screen(FENCE, lambda text: text.count(FENCE) % 2 == 1, ANSWERS))
    known = parts(split)
    dangling = [
        part
        for part in np.intersect1d(long, screened(split, UNENDED)).tolist()
        if _dangles(known.texts[part].rstrip())
    ]
    return np.union1d(fenced, np.array(dangling, dtype=np.int64))


def _dangles(text: str) -> bool:
    line = text[text.rfind("\n") + 1 :]
    return (
        len(line.split()) >= FEWEST_WORDS
        and DANGLING.search(line) is not None
        and not NOT_PROSE.search(line)
    )


def _open(split: Split, long: Ints, ended_share: float) -> Ints:
    """Long answers in prose whose last sentence has no end."""
    at = np.intersect1d(long, screened(split, UNENDED))
    if not len(long) or 1 - len(at) / len(long) < ended_share:
        return np.empty(0, dtype=np.int64)
    known = parts(split)
    kept = [part for part in at.tolist() if _is_open_prose(known.texts[part].rstrip())]
    return np.array(kept, dtype=np.int64)


def _is_open_prose(text: str) -> bool:
    line = text[text.rfind("\n") + 1 :].strip()
    return (
        len(line.split()) >= 2 * FEWEST_WORDS
        and SENTENCE_BEFORE.search(line) is not None
        and not LIST_ITEM.search(line)
        and not NOT_PROSE.search(line)
        and FENCE not in text
    )


def _ceiling(split: Split, long: Ints, ceiling_share: float, fewest_long: int) -> Ceiling | None:
    """The length from which on most surely `ceiling_share` of the answers or more have no end."""
    if len(long) < 5 * fewest_long:
        return None
    size = lengths(split)[long]
    order = np.argsort(-size, kind="stable")
    unended = np.isin(long, screened(split, UNENDED))[order]
    count = int(np.argmax(np.cumsum(unended - ceiling_share))) + 1
    if count < fewest_long or count > MOST_CUT * len(order):
        return None
    cut, below = int(unended[:count].sum()), float(unended[count:].mean())
    if cut / count < max(ceiling_share, 4 * below):
        return None
    return Ceiling(length=int(size[order[count - 1]]), long=count, cut=cut, below=below)
