"""DAT029: the same character written in two forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    SetText,
    Severity,
    Table,
)
from tunewell.facts.parts import parts, places
from tunewell.facts.scan import Ints, rows_of, screened
from tunewell.facts.writing.uneven import FORMS, TwoForms
from tunewell.subjects.dataset import Dataset, Split


@dataclass(frozen=True, slots=True)
class _Seen:
    """Rows of a split with the odd form, those with either, and the parts with the odd one."""

    split: Split
    odd: int
    either: int
    at: Ints

    @property
    def share(self) -> float:
        """Of the rows with either form, those with the odd one."""
        return self.odd / self.either if self.either else 0.0


@check(
    "DAT029",
    category=Category.PEDANTIC,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def uneven_characters(
    dataset: Dataset, *, min_rows: int = 5, min_share: float = 0.01
) -> Iterator[Finding]:
    """Characters that some rows write in one form and others in another.

    ## What it finds
    Curly beside straight quotation marks, accents of their own beside accented letters, unbreakable
    beside plain blanks, full-width letters, ligatures, blanks at the ends of texts and doubled
    blanks, where some rows have them and the others have the plain form.

    ## Why it matters
    The two forms become different tokens, so the same word is learned twice, rows that are equal to
    a reader escape a search for duplicates, and a difference between training and evaluation data
    costs accuracy for no reason.

    ## How it is measured
    By counting rows with each form. A kind is told where both forms stand in at least `min_rows`
    rows (5) and the rarer one in at least `min_share` (1 %) of the rows that have either: below,
    it moves nothing. Most sets that people wrote are uneven in this way, so the check runs only
    with `--pedantic` or when it is named.

    ## Example
    `don't` in 900 rows and, with a curly mark, in 100 others.

    ## Fix
    Write all rows in the plain form. A reader sees no difference but a tokenizer does, so it is not
    safe and waits for `--unsafe-fixes`.

    ## When it is wrong
    When the model's input comes in both forms, or the odd one carries meaning, as in texts about
    typography or with verse and code laid out by blanks.

    ## Sources
    Unicode Standard Annex 15, "Unicode Normalization Forms".
    """
    told: list[tuple[TwoForms, list[_Seen]]] = []
    for forms in FORMS:
        looked_for = any(len(screened(split, forms.odd)) for split in dataset.splits)
        seen = [_count(split, forms, looked_for=looked_for) for split in dataset.splits]
        if _is_uneven(seen, min_rows, min_share):
            told.append((forms, seen))
    if not told:
        return
    wanted: dict[tuple[str, int], list[TwoForms]] = defaultdict(list)
    by_name = {split.name: split for split in dataset.splits}
    for forms, seen in told:
        for one in seen:
            for at in one.at.tolist():
                wanted[one.split.name, at].append(forms)
    edits = [
        _edit(by_name[name], at, forms) for (name, at), forms in sorted(wanted.items(), key=_place)
    ]
    first, counts = told[0]
    odd, either = (sum(getattr(one, name) for one in counts) for name in ("odd", "either"))
    more = f", and {len(told) - 1} more such pairs" if len(told) > 1 else ""
    yield Finding(
        message=(f"{odd:,} of {either:,} rows differ from the others in {first.kind}{more}"),
        where=tuple(
            place
            for split in dataset.splits
            for place in places(
                split,
                rows_of(split, np.array([at for name, at in wanted if name == split.name], int)),
            )
        ),
        evidence=(
            Number(
                name=f"rows with the odd form of {first.kind}",
                value=100 * odd / either,
                unit="%",
                bound=f"at most {100 * min_share:g} %",
            ),
            Table(
                name="rows in two forms",
                columns=("what", "split", "rows with the odd form", "rows with either"),
                rows=tuple(
                    (forms.kind, one.split.name, one.odd, one.either)
                    for forms, seen in told
                    for one in seen
                ),
                total=sum(len(seen) for _, seen in told),
            ),
        ),
        impact="the same word becomes different tokens",
        fixes=(
            Fix(
                title=f"write {len(edits):,} texts in the plain form",
                safety=Safety.UNSAFE,
                edits=tuple(edits),
            ),
        ),
    )


def _place(item: tuple[tuple[str, int], list[TwoForms]]) -> tuple[str, int]:
    return item[0]


def _count(split: Split, forms: TwoForms, *, looked_for: bool) -> _Seen:
    odd = screened(split, forms.odd)
    plain = screened(split, forms.plain) if looked_for else odd
    odd_rows = rows_of(split, odd)
    return _Seen(split, len(odd_rows), len(np.union1d(odd_rows, rows_of(split, plain))), odd)


def _is_uneven(seen: list[_Seen], min_rows: int, min_share: float) -> bool:
    odd, either = sum(one.odd for one in seen), sum(one.either for one in seen)
    rarer = min(odd, either - odd)
    return rarer >= max(min_rows, min_share * either)


def _edit(split: Split, at: int, forms: list[TwoForms]) -> SetText:
    known = parts(split)
    row = int(np.searchsorted(known.start, at, side="right")) - 1
    old = new = known.texts[at]
    for one in forms:
        new = one.mend(new)
    return SetText(split=split.name, row=row, part=at - int(known.start[row]), old=old, new=new)
