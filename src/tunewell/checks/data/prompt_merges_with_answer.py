"""DAT094: prompts whose last token runs into the answer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Row, Safety, Severity
from tunewell.facts.targets import around, require_task
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import Batch, BatchRow


@check(
    "DAT094",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D14",),
)
def prompt_merges_with_answer(batch: Batch, *, max_share: float = 0.01) -> Iterator[Finding]:
    """Prompts that end in the middle of a token, which begins the answer too.

    ## What it finds
    Rows with a text "prompt" and a text "completion" in which one token holds the end of the one
    and the beginning of the other.

    ## Why it matters
    When the model is served, the prompt is tokenised alone and ends with other tokens than it was
    trained with, and the answer begins with tokens that it never began with. The model must first
    write what it saw only in pieces, and the first word often comes out wrong.

    ## How it is measured
    The decoded tokens of the collated row are put together until the prompt is complete; that must
    happen at the end of a token. Rows whose tokens do not give their text back, and rows that were
    cut, are left out. More than `max_share` of the rows (1 %) are reported.

    ## Example
    A prompt that ends with "Answer: " (with the space), and completions without one in front:
    " Paris" is one token in the row, and the prompt alone ends with a lone space.

    ## Fix
    End the prompt without white space, and begin the completion with it.

    ## When it is wrong
    When the model is always asked with the tokens of the trained row.

    ## Sources
    Fault D14 of the catalogue. TRL 1.16 says so once, in a log line.
    """
    require_task(batch, "causal")
    borders = [(row, _border(row)) for row in batch.train.rows]
    rows = [(row, border) for row, border in borders if border is not None]
    if not rows:
        reason = "no row has a prompt and a completion whose tokens give their texts back"
        raise NotApplicableError(reason)
    merged = [(row, place) for row, (place, inside) in rows if inside]
    share = len(merged) / len(rows)
    if share <= max_share:
        return
    row, place = merged[0]
    yield Finding(
        message=(
            f"in {percent(share)} of the {len(rows):,} rows looked at, the end of the prompt and "
            f"the beginning of the answer are one token, such as {row.pieces[place]!r}"
        ),
        where=tuple(
            Row(split=batch.train.split, index=row.index)
            for row, _ in merged
            if row.index is not None
        ),
        evidence=(
            Number(
                name="prompts that end inside a token",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            around("where the answer begins", row, place + 1),
        ),
        impact="a served prompt ends with other tokens than a trained one",
        fixes=(
            Fix(
                title="end prompts without white space, and begin completions with it",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _border(row: BatchRow) -> tuple[int, bool] | None:
    """The place of the token in which the prompt ends, and whether it goes on behind the prompt.

    None where the tokens do not give the texts back.
    """
    prompt, completion = row.source.get("prompt"), row.source.get("completion")
    if not isinstance(prompt, str) or not isinstance(completion, str) or not prompt:
        return None
    places = np.flatnonzero(row.attended).tolist()
    said = "".join(row.pieces[place] for place in places)
    start = said.find(prompt + completion)
    if start < 0:
        return None
    border, length = start + len(prompt), 0
    for place in places:
        length += len(row.pieces[place])
        if length >= border:
            return place, length > border
    return None
