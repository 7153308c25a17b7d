"""DAT025: characters that nobody sees or types, and escapes that a scraper left."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    SetText,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.parts import parts, places
from tunewell.facts.scan import Screen, fitting, rows_of
from tunewell.facts.writing.invisible import SCREEN, Residue, mended, residues
from tunewell.subjects.dataset import Dataset, Split

EXAMPLES = 8
AROUND = 16
"""Characters shown before and after one that is found."""

Found = list[tuple[Split, int, str, list[Residue]]]
"""Split, number of the part, its text, and what is in it."""


@check("DAT025", category=Category.SUSPICIOUS, severity=Severity.INFO)
def control_characters(
    dataset: Dataset,
    *,
    max_rows: int = 0,
    residue_rows: int = 5,
    residue_share: float = 0.01,
    warn_share: float = 0.01,
) -> Iterator[Finding]:
    r"""Characters that cannot be seen, and escapes that a scraper left in the text.

    ## What it finds
    Control characters, zero-width spaces, byte-order marks inside a text, odd line separators,
    private-use characters, marks and overrides of direction, and tag characters. Also HTML
    entities and tags, and escaped characters such as `\n` in two letters, where many rows have
    them and are not about HTML or programs.

    ## Why it matters
    The tokenizer turns each into tokens of its own, so the same word is learned twice, and a model
    that writes text learns to write them. Overrides and tag characters make a text read otherwise
    than it looks: they are a way to hide instructions in data.

    ## How it is measured
    By the characters' own code points. Joiners in Indic scripts and emoji, marks of direction in
    Hebrew and Arabic, zero-width spaces in Thai and Khmer, and the flags of regions are left
    alone. More than `max_rows` rows (0: no keyboard types them) are reported. HTML and escapes
    count only from `residue_rows` rows and `residue_share` of the rows on (5 and 1 %: below,
    somebody may have meant them; Alpaca has 0.08 %, a scraped SMS set 5.5 %). It is a warning where
    something hides text or from `warn_share` of the rows on, otherwise information.

    ## Example
    `I paid &lt;#&gt; for it`, in 5 % of the rows of a set of text messages.

    ## Fix
    Take the unseen characters out and read the escapes as what they mean. What is learned changes,
    so it waits for `--unsafe-fixes`.

    ## When it is wrong
    When the model will meet the same residue in use, because its input is scraped the same way.

    ## Sources
    The Unicode Standard, chapters 2 and 23; Boucher and Anderson 2021, "Trojan Source".
    """
    found = list(_found(dataset))
    total = sum(map(len, dataset.splits))
    rows_with: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for split, at, _, residue in found:
        row = int(rows_of(split, np.array([at]))[0])
        for one in residue:
            rows_with[one.kind].add((split.name, row))
    few = max(residue_rows, residue_share * total)
    kept: Found = []
    for split, at, text, residue in found:
        sure = [one for one in residue if not one.doubtful or len(rows_with[one.kind]) >= few]
        if sure:
            kept.append((split, at, text, sure))
    where: list[Row] = []
    for split in dataset.splits:
        mine = [at for other, at, _, _ in kept if other is split]
        where += places(split, rows_of(split, np.array(mine, dtype=np.int64)))
    if len(where) <= max_rows:
        return
    kinds = Counter(kind for *_, residue in kept for kind in {one.kind for one in residue})
    hides = any(one.hides for *_, residue in kept for one in residue)
    share = len(where) / total
    listed = ", ".join(f"{kind} ({len(rows_with[kind]):,})" for kind, _ in kinds.most_common())
    yield Finding(
        message=(
            f"{len(where):,} of {counted(total, 'row')} {'holds' if len(where) == 1 else 'hold'} "
            f"characters that nobody typed: {listed}"
        ),
        where=tuple(where),
        evidence=(
            Number(
                name="rows with such characters",
                value=100 * share,
                unit="%",
                bound=f"a warning from {100 * warn_share:g} %",
            ),
            Table(
                name="what was found",
                columns=("split", "line", "kind", "where it stands"),
                rows=tuple(_shown(kept)),
                total=len(kept),
            ),
        ),
        impact=(
            "text that is hidden from a reader is learned all the same"
            if hides
            else "the same word becomes other tokens with and without them"
        ),
        fixes=(
            Fix(
                title=f"take them out of {counted(len(kept), 'text')}",
                safety=Safety.UNSAFE,
                edits=tuple(
                    SetText(
                        split=split.name,
                        row=int(rows_of(split, np.array([at]))[0]),
                        part=_part(split, at),
                        old=text,
                        new=mended(text, residue),
                    )
                    for split, at, text, residue in kept
                ),
            ),
        ),
        severity=Severity.WARNING if hides or share >= warn_share else Severity.INFO,
    )


def _found(dataset: Dataset) -> Iterator[tuple[Split, int, str, list[Residue]]]:
    for split in dataset.splits:
        texts = parts(split).texts
        for at in fitting(split, Screen(SCREEN)).tolist():
            text = texts[at]
            residue = residues(text)
            if residue:
                yield split, at, text, residue


def _part(split: Split, at: int) -> int:
    known = parts(split)
    row = int(np.searchsorted(known.start, at, side="right")) - 1
    return at - int(known.start[row])


def _shown(kept: Found) -> Iterator[tuple[str, int, str, str]]:
    """An example of each kind first, then others, each with the unseen written as an escape."""
    first: dict[str, tuple[str, int, str, str]] = {}
    others: list[tuple[str, int, str, str]] = []
    for split, at, text, residue in kept:
        line = int(split.lines[int(rows_of(split, np.array([at]))[0])])
        for one in residue:
            match = re.search(one.pattern, text)
            if match is None:
                continue
            piece = text[max(0, match.start() - AROUND) : match.end() + AROUND]
            entry = (split.name, line, one.kind, piece.encode("unicode_escape").decode("ascii"))
            if one.kind in first:
                others.append(entry)
            first.setdefault(one.kind, entry)
        if len(others) >= EXAMPLES:
            break
    yield from [*first.values(), *others][:EXAMPLES]
