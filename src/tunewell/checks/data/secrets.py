"""DAT027: keys, tokens and passwords in the texts."""

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


@check("DAT027", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D58",))
def secrets(dataset: Dataset, *, max_secrets: int = 0) -> Iterator[Finding]:
    """Keys, tokens and passwords that stand in the texts.

    ## What it finds
    Keys of AWS, Google, OpenAI, Anthropic, Stripe, SendGrid and others; tokens of GitHub, GitLab,
    npm, PyPI, Slack, Telegram and Hugging Face; private key blocks; JSON web tokens and bearer
    tokens; passwords inside addresses of databases; and long random values beside words such as
    `api_key`.

    ## Why it matters
    Whoever gets the data file has the key, and a language model can repeat it word for word to
    anybody who asks. A key that was in a shared file counts as lost.

    ## How it is measured
    By the formats that the issuers document. Nothing is tried out and nothing leaves the machine.
    Placeholders are left out: values with words such as `your`, `example` or `xxx`, with runs of
    one character, or with less than 3 Shannon bits a character, which no random key has. More than
    `max_secrets` (0: one is too many) are reported. It is an error where one of them has a prefix
    or a checksum that nothing else has, and a warning where only its random look says so.

    ## Example
    `aws_access_key_id = AKIA…` in an answer that shows how to call a service.

    ## Fix
    Withdraw the key where it was issued, then put its kind in its place: `[GITHUB TOKEN]`. That
    changes what is learned, so it waits for `--unsafe-fixes`.

    ## When it is wrong
    When the keys were withdrawn long ago or made up in the right format, as texts about security
    do.

    ## Sources
    Fault D58 of the catalogue; Carlini et al. 2021, "Extracting Training Data from Large Language
    Models"; GitHub's and npm's description of the checksum in their tokens.
    """
    found = [(split, place) for split in dataset.splits for place in sensitive.secrets(split)]
    kinds = Counter(one.kind for _, place in found for one in place.found)
    if kinds.total() <= max_secrets:
        return
    sure = sum(one.sure for _, place in found for one in place.found)
    where: list[Row] = []
    for split in dataset.splits:
        rows = np.unique([place.row for at, place in found if at is split])
        where += places(split, rows.astype(np.int64))
    listed = ", ".join(f"{name} ({count:,})" for name, count in kinds.most_common())
    total = sum(map(len, dataset.splits))
    yield Finding(
        message=(
            f"{len(where):,} of {counted(total, 'row')} {'holds' if len(where) == 1 else 'hold'} "
            f"what looks like {counted(kinds.total(), 'secret')}: {listed}"
        ),
        where=tuple(where),
        evidence=(
            Number(name="secrets", value=kinds.total(), unit="", bound=f"at most {max_secrets:,}"),
            Table(
                name="secrets, masked",
                columns=("split", "line", "kind", "value", "sure"),
                rows=tuple(
                    (
                        split.name,
                        int(split.lines[place.row]),
                        one.kind,
                        place.shown(one),
                        "by its format" if one.sure else "by its look",
                    )
                    for split, place in found
                    for one in place.found
                )[:EXAMPLES],
                total=kinds.total(),
            ),
        ),
        impact="the model can give them away, and so can the data file",
        fixes=(
            Fix(
                title="put the kind of each secret in its place, after withdrawing it",
                safety=Safety.UNSAFE,
                edits=tuple(
                    SetText(
                        split=split.name,
                        row=place.row,
                        part=place.part,
                        old=place.text,
                        new=replaced(
                            place.text, list(place.found), lambda _, kind: f"[{kind.upper()}]"
                        ),
                    )
                    for split, place in found
                ),
            ),
        ),
        severity=Severity.ERROR if sure else Severity.WARNING,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
    )
