"""DAT024: texts that repeat themselves or each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Edit,
    Evidence,
    Finding,
    Fix,
    Safety,
    SetText,
    Severity,
)
from tunewell.core.words import counted
from tunewell.facts.parts import of_roles, parts, require_kind
from tunewell.facts.writing.flagged import Flagged, flag, joined, unless_asked
from tunewell.facts.writing.lengths import lengths
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

KINDS = (
    Kind.INSTRUCTION,
    Kind.COMPLETION,
    Kind.CHAT,
    Kind.PREFERENCE,
    Kind.UNPAIRED,
    Kind.TEXT,
)
WRITTEN = frozenset({Role.ANSWER, Role.CHOSEN, Role.TEXT})
LOOPING = 150
"""Shorter texts have no room for a loop."""
PIECE = 20
TURNS = 4
SHORTEST_PIECE = 10
FEWEST_GROUPS = 60
LONGEST_PIECE = 400
WORDED = re.compile(r"[^\W\d_]{2,}\W+[^\W\d_]{2,}")
CODE = re.compile(
    r"```|[{};]\s*$|</|\|\s*$|^\s*(?:def|class|import|for|return)\b|^\s*\w+ ?= ?\w|\w\(.*=.*\)",
    re.MULTILINE,
)
REPETITION = re.compile(
    r"(?i)repeat|\btimes\b|song|lyrics|chorus|\bloop|pattern|mantra|poem|\brap\b|chant|refrain|"
    r"copies|duplicate|\bcode\b|program|table|schedule|melody|music|rhyme|lullaby"
)


@check(
    "DAT024",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def repeated_text(
    dataset: Dataset,
    *,
    warn_share: float = 0.001,
    distinct_share: float = 0.25,
    min_characters: int = 12,
) -> Iterator[Finding]:
    """Answers that go in a loop or repeat the question, and inputs that repeat the instruction.

    ## What it finds
    - answers (texts, where these are learned) that say the same piece four times in a row, or whose
      groups of four words are mostly repetitions;
    - answers that are the question or the input, word for word;
    - inputs that stand in the instruction already.

    ## Why it matters
    A looping answer is what a generator writes when it fails, and a model learns to do the same. An
    answer that repeats its input is right only where nothing had to be done. An input that repeats
    the instruction is read twice.

    ## How it is measured
    A loop is a piece of 10 to 400 characters with two words in it that is said four times in a row,
    or a text of at least 60 groups of four words of which at most `distinct_share` (a quarter) are
    different. Code, tables and rows that ask for songs, patterns or repetition are left out.
    Repetitions of the question count from `min_characters` characters on (12). Loops and repeated
    questions in at least `warn_share` of the rows (0.1 %) are a warning, all else is information.

    ## Example
    `"output": "I am fine. I am fine. I am fine. I am fine. I am fine."`

    ## Fix
    Inputs that repeat the instruction become empty. Rows with loops and repeated questions are
    dropped.

    ## When it is wrong
    When a text that needs no change is to be given back unchanged.

    ## Sources
    Stanford's Alpaca has no loop, one answer that repeats its instruction, 55 that repeat their
    input and 283 inputs that stand in the instruction.
    """
    require_kind(dataset, KINDS)
    groups = {
        "answers in a loop": flag(dataset, lambda split: _loops(split, distinct_share)),
        "answers that repeat the question": flag(
            dataset, lambda split: _parroted(split, min_characters, Role.PROMPT)
        ),
        "answers that repeat the input": flag(
            dataset, lambda split: _parroted(split, min_characters, Role.INPUT)
        ),
        "inputs that repeat the instruction": flag(
            dataset, lambda split: _said_twice(split, min_characters)
        ),
    }
    loops, questions, inputs, twice = groups.values()
    found = joined(*groups.values())
    if not found.count:
        return
    grave = joined(loops, questions)
    named = "; ".join(
        f"{name} in {counted(group.count, 'row')}" for name, group in groups.items() if group.count
    )
    evidence: list[Evidence] = [
        grave.number("rows with a loop or the question", f"a warning from {100 * warn_share:g} %"),
        *(group.examples(name) for name, group in groups.items() if group.count),
    ]
    yield Finding(
        message=f"Text is repeated in {found.of_all}: {named}",
        where=found.where,
        evidence=tuple(evidence),
        impact="the model learns to repeat itself or what it was asked",
        fixes=(_repair(joined(loops, questions, inputs), twice),),
        severity=Severity.WARNING if grave.share >= warn_share else Severity.INFO,
    )


def _loops(split: Split, distinct_share: float) -> Ints:
    roles = WRITTEN if split.kind is Kind.TEXT else WRITTEN - {Role.TEXT}
    at = of_roles(split, roles)
    at = at[lengths(split)[at] >= LOOPING]
    texts = parts(split).texts.take(at)
    hits = [
        part
        for part, text in zip(at.tolist(), texts, strict=True)
        if _may_loop(text) and _does_loop(text, distinct_share)
    ]
    return unless_asked(split, np.array(hits, dtype=np.int64), REPETITION)


def _may_loop(text: str) -> bool:
    """Whether a piece of the text from its end or its middle occurs four times: quick to say."""
    middle = len(text) // 2
    return (
        text.count(text[-PIECE - 1 : -1]) >= TURNS
        or text.count(text[middle : middle + PIECE]) >= TURNS
    )


def _does_loop(text: str, distinct_share: float) -> bool:
    if CODE.search(text):
        return False
    middle = len(text) // 2
    if _turns(text, text[-PIECE - 1 : -1]) or _turns(text, text[middle : middle + PIECE]):
        return True
    words = text.lower().split()
    total = len(words) - 3
    groups = {tuple(words[at : at + 4]) for at in range(total)}
    return total >= FEWEST_GROUPS and len(groups) <= distinct_share * total


def _turns(text: str, piece: str) -> bool:
    """Whether what stands between two places of a piece follows itself three times."""
    places = [hit.start() for hit in re.finditer(f"(?={re.escape(piece)})", text)]
    for at in range(len(places) - TURNS + 1):
        low, step = places[at], places[at + 1] - places[at]
        said = text[low : low + step]
        if step <= LONGEST_PIECE and text.startswith(said * (TURNS - 1), low):
            return len(said) >= SHORTEST_PIECE and WORDED.search(said) is not None
    return False


def _parroted(split: Split, min_characters: int, said: Role) -> Ints:
    """Answers that are what was said just before, word for word."""
    import pyarrow.compute as pc  # noqa: PLC0415  0.15 s that --help need not wait for

    known, sizes = parts(split), lengths(split)
    column = known.texts.column
    found = []
    for back in (1, 2):
        role = known.role
        after = np.isin(role[back:], [int(Role.ANSWER), int(Role.CHOSEN)])
        near = np.abs(sizes[back:] - sizes[:-back]) <= 2  # noqa: PLR2004  white space at the ends
        between = back == 1 or (role[1:-1] == Role.INPUT)
        same_row = known.row[back:] == known.row[:-back]
        pair = after & (role[:-back] == said) & same_row & near & between
        at = np.flatnonzero(pair & (sizes[back:] >= min_characters)) + back
        if len(at):
            one, other = (pc.utf8_trim_whitespace(column.take(i)) for i in (at, at - back))
            equal = pc.equal(one, other).combine_chunks().to_numpy(zero_copy_only=False)
            found.append(at[equal])
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)


def _said_twice(split: Split, min_characters: int) -> Ints:
    """Inputs that stand in the prompt right before them."""
    known, sizes = parts(split), lengths(split)
    at = of_roles(split, frozenset({Role.INPUT}))
    at = at[(at > 0) & (sizes[at] >= min_characters)]
    at = at[(known.role[at - 1] == Role.PROMPT) & (sizes[at - 1] >= sizes[at])]
    inputs, prompts = known.texts.take(at), known.texts.take(at - 1)
    twice = [
        part
        for part, given, prompt in zip(at.tolist(), inputs, prompts, strict=True)
        if given.strip().lower() in prompt.lower()
    ]
    return np.array(twice, dtype=np.int64)


def _repair(dropped: Flagged, twice: Flagged) -> Fix:
    edits: list[Edit] = [*dropped.drop("row").edits] if dropped.count else []
    emptied = 0
    for split, at, gone in zip(twice.splits, twice.parts, dropped.rows, strict=True):
        known = parts(split)
        rows = np.searchsorted(known.start, at, side="right") - 1
        for part, row in zip(at.tolist(), rows.tolist(), strict=True):
            if row not in gone:
                place = part - int(known.start[row])
                old = known.texts[part]
                edits.append(SetText(split=split.name, row=row, old=old, new="", part=place))
                emptied += 1
    steps = [f"drop {counted(dropped.count, 'row')}"] if dropped.count else []
    if emptied:
        steps.append(f"empty {counted(emptied, 'input')}")
    return Fix(title=" and ".join(steps), safety=Safety.UNSAFE, edits=tuple(edits))
