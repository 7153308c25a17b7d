"""DAT026: rows, and answers, in another language than the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    DropRows,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.parts import parts, places
from tunewell.facts.writing.foreign import Foreign, foreign, main_language
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.parts import ASKED, LEARNED

EXAMPLES = 6
TEXT_SHOWN = 120
NAMED = re.compile(
    r"(?i)translat|\blanguages?\b|spelled|alphabet|\bpronounc|\bword for\b|"
    r"\b(?:english|french|german|spanish|italian|portuguese|dutch|swedish|danish|norwegian|polish|"
    r"czech|slovak|romanian|turkish|indonesian|malay|vietnamese|finnish|hungarian|greek|russian|"
    r"ukrainian|bulgarian|armenian|hebrew|arabic|persian|farsi|urdu|hindi|marathi|sanskrit|bengali|"
    r"punjabi|gujarati|tamil|telugu|kannada|malayalam|thai|georgian|amharic|khmer|korean|japanese|"
    r"chinese|mandarin|cantonese|latin|kanji|haiku|deutsch|englisch|franz\w+sisch|fran\w+ais|"
    r"anglais|espa\w+ol|ingl\w+s|italiano)\b"
)
"""Rows that speak of a language may well hold it."""


@dataclass(frozen=True, slots=True)
class _Strange:
    split: Split
    row: int
    language: str
    answer: bool
    text: str


@check(
    "DAT026",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D57",),
)
def wrong_language(
    dataset: Dataset, *, max_rows: int = 0, mixed_share: float = 0.1
) -> Iterator[Finding]:
    """Answers in another language than their prompt, and rows in another than the rest.

    ## What it finds
    Answers whose language is neither that of their prompt nor asked for, and whole rows in another
    language than most.

    ## Why it matters
    A model that has seen answers in the wrong language switches language at run time. A few rows
    in a language that the others do not have teach little and count in the scores.

    ## How it is measured
    The script of a text is counted letter by letter. In Latin script the language is told by
    function words, for 17 languages; a short text, a list or a program is in none: of some fifty
    one-sentence translations in Alpaca 23 are told and none wrongly. Rows that speak of a language
    or of translating are left out. More than `max_rows` (0) are reported: as a warning where
    answers differ from their prompts, as information where whole rows differ from the rest. From
    `mixed_share` of the rows on (10 %) the data is taken to be multilingual, or about translating,
    on purpose: information.

    ## Example
    The prompt "How do I boil an egg?" with the answer "Das Ei in kochendes Wasser geben".

    ## Fix
    Drop the rows, or have them translated.

    ## When it is wrong
    Where the users do write in several languages, and where languages as close as Danish and
    Norwegian are told apart.

    ## Sources
    Fault D57 of the catalogue.
    """
    main = main_language(dataset.train)
    if not main:
        reason = "the texts are too short, or too mixed, to tell a language"
        raise NotApplicableError(reason)
    strange = [one for split in dataset.splits for one in _strange(split, main)]
    if len(strange) <= max_rows:
        return
    total = sum(map(len, dataset.splits))
    share = len(strange) / total
    answers = sum(one.answer for one in strange)
    where: list[Row] = []
    edits: list[DropRows] = []
    for split in dataset.splits:
        rows = sorted(one.row for one in strange if one.split is split)
        where += places(split, rows)
        if rows:
            edits.append(DropRows(split=split.name, rows=tuple(rows)))
    mixed = share >= mixed_share
    languages = Counter(one.language for one in strange)
    listed = ", ".join(f"{name} ({count:,})" for name, count in languages.most_common(5))
    some = f"; in {answers:,} of them the answer alone" if answers else ""
    advice = Fix(title="make sure that these languages are wanted", safety=Safety.MANUAL)
    title = f"drop {counted(len(strange), 'row')}"
    yield Finding(
        message=(
            f"{len(strange):,} of {counted(total, 'row')} {'is' if len(strange) == 1 else 'are'} "
            f"not in {main} like the rest: {listed}{some}"
        ),
        where=tuple(where),
        evidence=(
            Number(
                name="rows in another language",
                value=100 * share,
                unit="%",
                bound=f"taken for wanted from {100 * mixed_share:g} %",
            ),
            Table(
                name="rows in another language",
                columns=("split", "line", "language", "what", "text"),
                rows=tuple(
                    (
                        one.split.name,
                        int(one.split.lines[one.row]),
                        one.language,
                        "answer" if one.answer else "row",
                        one.text[:TEXT_SHOWN],
                    )
                    for one in sorted(strange, key=lambda one: not one.answer)[:EXAMPLES]
                ),
                total=len(strange),
            ),
        ),
        impact="the model learns to switch language" if answers and not mixed else "",
        fixes=(
            (advice,) if mixed else (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)),)
        ),
        severity=Severity.WARNING if answers and not mixed else Severity.INFO,
    )


def _strange(split: Split, main: str) -> Iterator[_Strange]:
    """Rows with a part in another language, unless the row itself says why."""
    by_row: dict[int, list[Foreign]] = {}
    for one in foreign(split, main):
        by_row.setdefault(one.row, []).append(one)
    known = parts(split)
    learned = [int(role) for role in LEARNED]
    asked = [int(role) for role in ASKED]
    for row, found in by_row.items():
        if any(NAMED.search(text) for _, text in known.of_row(row)):
            continue
        roles = known.role[known.start[row] : known.start[row + 1]]
        answers = [one for one in found if known.role[one.at] in learned]
        prompts = [one for one in found if known.role[one.at] in asked]
        alone = bool(answers) and not prompts and bool(np.isin(roles, asked).any())
        first = (answers or found)[0]
        yield _Strange(split, row, first.language, alone, known.texts[first.at])
