"""DAT028: e-mail addresses, phone numbers, cards and other data about persons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    SetText,
    Severity,
    Table,
)
from tunewell.core.mask import replaced
from tunewell.core.words import counted
from tunewell.facts.parts import places
from tunewell.facts.writing import sensitive
from tunewell.subjects.dataset import Dataset

EXAMPLES = 8
GRAVE = frozenset({"payment card", "bank account", "social security number"})
"""Data with which money or an identity can be stolen."""

TAG = {
    "e-mail address": "[EMAIL]",
    "phone number": "[PHONE]",
    "payment card": "[CARD]",
    "bank account": "[IBAN]",
    "social security number": "[SSN]",
    "network address": "[IP]",
}


@check(
    "DAT028",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("D58",),
)
def personal_data(
    dataset: Dataset, *, max_rows: int = 0, warn_share: float = 0.01
) -> Iterator[Finding]:
    """E-mail addresses, phone numbers, cards, accounts and the like in the texts.

    ## What it finds
    E-mail addresses, phone numbers, payment cards, bank accounts (IBAN), social security numbers
    of the United States, and public network addresses. Names and street addresses have no form
    by which they could be known and are not looked for.

    ## Why it matters
    A language model can repeat such data to anybody. For any model the file itself falls under
    laws on privacy, and numbers of cards and accounts under the rules of banks.

    ## How it is measured
    By form and checksum: cards need a known issuer, the right length and their check digit;
    accounts the length of their country and the remainder 1 modulo 97; social security numbers a
    range that is in use. A phone number needs the way in which such numbers are written, or a word
    such as "call" near it: a plain number is never one. What belongs to nobody is left out:
    `example.com`, 555 numbers, test cards, addresses such as `info@`, free numbers of hotlines,
    private network addresses. More than `max_rows` rows (0: nobody wants to learn of it later) are
    reported as information. It is a warning where there are cards, accounts or social security
    numbers, and, where a model learns to write, from `warn_share` of the rows on: 1 %, far above
    what a set without such data at its heart has (Alpaca: 0.04 %). On 1,500 synthetic sentences
    nothing is flagged wrongly and nothing is missed but a tenth of the phone numbers; on the
    numbers of GSM8K it is silent.

    ## Example
    `You can reach me at anna@…` in an answer.

    ## Fix
    Put the kind in the place of each: `[EMAIL]`. That changes what is learned, so it waits for
    `--unsafe-fixes`.

    ## When it is wrong
    When persons and numbers are invented, or public, or the data is about finding them: in spam
    the phone numbers are part of what is learned.

    ## Sources
    Fault D58 of the catalogue; ISO/IEC 7812 and 13616, RFC 2606 and 5737, the ranges published by
    the Social Security Administration, the numbers kept free by NANPA and Ofcom.
    """
    found = [(split, place) for split in dataset.splits for place in sensitive.personal(split)]
    where: list[Row] = []
    for split in dataset.splits:
        rows = np.unique([place.row for at, place in found if at is split])
        where += places(split, rows.astype(np.int64))
    if len(where) <= max_rows:
        return
    kinds = Counter(one.kind for _, place in found for one in place.found)
    listed = ", ".join(
        counted(count, name, f"{name}es" if name.endswith("s") else "")
        for name, count in kinds.most_common()
    )
    total = sum(map(len, dataset.splits))
    share = len(where) / total
    warned = bool(GRAVE & kinds.keys()) or (dataset.kind.generates and share >= warn_share)
    yield Finding(
        message=(
            f"{len(where):,} of {counted(total, 'row')} {'holds' if len(where) == 1 else 'hold'} "
            f"personal data: {listed}"
        ),
        where=tuple(where),
        evidence=(
            Number(
                name="rows with personal data",
                value=100 * share,
                unit="%",
                bound=f"a warning from {100 * warn_share:g} % in text that a model learns to write",
            ),
            Table(
                name="personal data, masked",
                columns=("split", "line", "kind", "value"),
                rows=tuple(
                    (split.name, int(split.lines[place.row]), one.kind, place.shown(one))
                    for split, place in found
                    for one in place.found
                )[:EXAMPLES],
                total=kinds.total(),
            ),
        ),
        impact="the model can give them away" if dataset.kind.generates else "",
        fixes=(
            Fix(
                title="put the kind of each datum in its place",
                safety=Safety.UNSAFE,
                edits=tuple(
                    SetText(
                        split=split.name,
                        row=place.row,
                        part=place.part,
                        old=place.text,
                        new=replaced(place.text, list(place.found), lambda _, kind: TAG[kind]),
                    )
                    for split, place in found
                ),
            ),
        ),
        severity=Severity.WARNING if warned else Severity.INFO,
    )
