"""DAT055: nearly all answers of one side are the same text, or begin alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.pairs.preferences import sides
from tunewell.facts.parts import places, require_kind
from tunewell.stats.intervals import wilson
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Texts

EXAMPLES = 5
FEWEST_PAIRS = 20
SOME_WORDS = r"\S+\s+\S+\s+\S+"
NEAR = 200
"""Characters at either end in which the words are looked for."""

LONGEST = 40
"""Characters of a template that are compared: a sentence's first or last words."""


@check(
    "DAT055",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def one_side_never_varies(
    dataset: Dataset, *, max_share: float = 0.5, ratio: float = 5.0
) -> Iterator[Finding]:
    """Most chosen, or most rejected, answers are one text or begin or end with the same words.

    ## What it finds
    Preference data in which one side is mostly a single text or a template ("I'm sorry, but ..."),
    while the other side is not.

    ## Why it matters
    The model tells the two sides apart by the template. It learns to write it, or to avoid it, and
    nothing about answers; the accuracy of the reward is 1 after a few steps.

    ## How it is measured
    By the commonest whole answer, the commonest first three words and the commonest last three
    words of each side. Found where the 95 % interval of its share is above `max_share` and the
    share is at least `ratio` times that on the other side: a form that both sides share
    ("The answer is") tells nothing apart. Needs 20 pairs. In the harmless test of HH-RLHF the
    commonest beginning on either side has 1.4 % of the answers.

    ## Example
    Every `rejected` is `I cannot help with that.`

    ## Fix
    Write or sample varied answers for that side. A single template can be trained on with
    supervised fine-tuning and needs no preference.

    ## When it is wrong
    When exactly this template is to be learned or unlearned, and nothing else.

    ## Sources
    Fault R05 of the catalogue: pairs that are trivially told apart by their form reach a loss of 0
    within a few steps. The bound of one half: above it, a rule that looks for the template alone
    gets three pairs of four right.
    """
    require_kind(dataset, {Kind.PREFERENCE})
    train = dataset.train
    both = sides(train)
    if len(both) < FEWEST_PAIRS:
        return
    found = [
        repeated
        for side, own, other in (
            ("chosen", both.chosen, both.rejected),
            ("rejected", both.rejected, both.chosen),
        )
        if (repeated := _repeated(side, own, other, max_share, ratio)) is not None
    ]
    if not found:
        return
    worst = max(found, key=lambda repeated: repeated.rows)
    column = both.chosen if worst.side == "chosen" else both.rejected
    fits = np.flatnonzero(worst.fits)
    low, high = wilson(worst.rows, len(both))
    yield Finding(
        message=(
            f"{worst.rows:,} of {len(both):,} {worst.side} answers ({100 * worst.share:.0f} %) "
            f"{worst.what} {worst.text!r}, and {100 * worst.elsewhere:.2g} % on the other side"
        ),
        where=places(train, fits),
        evidence=(
            *(
                Number(
                    name=f"{one.side} answers that {one.what} {one.text!r}",
                    value=100 * one.share,
                    unit="%",
                    bound=f"at most {100 * max_share:g} %",
                    low=100 * float(low) if one is worst else None,
                    high=100 * float(high) if one is worst else None,
                )
                for one in found
            ),
            Table(
                name=f"{worst.side} answers",
                columns=("line", worst.side),
                rows=tuple((train.lines[row], column[row]) for row in fits[:EXAMPLES].tolist()),
                total=len(fits),
            ),
        ),
        impact="the model learns the template and nothing about what makes an answer better",
        fixes=(Fix(title=f"give the {worst.side} side varied answers", safety=Safety.MANUAL),),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Repeated:
    side: str
    what: str
    text: str
    rows: int
    share: float
    elsewhere: float
    fits: np.ndarray[tuple[int], np.dtype[np.bool_]]


def _repeated(
    side: str, own: Texts, other: Texts, max_share: float, ratio: float
) -> _Repeated | None:
    """The whole text or the template that most answers of a side have and few of the other."""
    import pyarrow.compute as pc  # noqa: PLC0415  0.15 s that --help need not wait for

    looks: tuple[tuple[str, Callable[[Any], Any]], ...] = (
        ("are", _whole),
        ("begin with", _first_words),
        ("end with", _last_words),
    )
    for what, look in looks:
        keys = [look(texts.column) for texts in (own, other)]
        counts = pc.value_counts(pc.drop_null(keys[0]))
        if not len(counts):
            continue
        numbers = counts.field("counts").to_numpy(zero_copy_only=False)
        best = int(numbers.argmax())
        rows, text = int(numbers[best]), counts.field("values")[best].as_py()
        elsewhere = pc.sum(pc.equal(keys[1], text)).as_py() or 0
        if float(wilson(rows, len(own))[0]) > max_share and rows >= ratio * elsewhere:
            fits = pc.fill_null(pc.equal(keys[0], text), fill_value=False).combine_chunks()
            return _Repeated(
                side,
                what,
                text if len(text) <= LONGEST else text[: LONGEST - 1] + "…",
                rows,
                rows / len(own),
                elsewhere / len(own),
                np.asarray(fits.to_numpy(zero_copy_only=False), dtype=bool),
            )
    return None


def _whole(column: Any) -> Any:  # noqa: ANN401  pyarrow has no types
    """The answers without white space at their ends; null where nothing is left."""
    import pyarrow.compute as pc  # noqa: PLC0415  as above

    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), None, trimmed)


def _first_words(column: Any) -> Any:  # noqa: ANN401  as above
    """The first words of each answer; null where there are fewer."""
    import pyarrow.compute as pc  # noqa: PLC0415  as above

    start = pc.utf8_slice_codeunits(column, 0, NEAR)
    return pc.struct_field(pc.extract_regex(start, rf"^\s*(?P<key>{SOME_WORDS})"), "key")


def _last_words(column: Any) -> Any:  # noqa: ANN401  as above
    """The last words of each answer; null where there are fewer."""
    import pyarrow.compute as pc  # noqa: PLC0415  as above

    end = pc.utf8_slice_codeunits(column, -NEAR)
    return pc.struct_field(pc.extract_regex(end, rf"(?P<key>{SOME_WORDS})\s*$"), "key")
