"""DAT053: preference pairs whose two sides are not answers to the same conversation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Severity, Table
from tunewell.facts.pairs.preferences import sides
from tunewell.facts.parts import parts, require_kind
from tunewell.facts.writing.flagged import flag
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.reading import Irregular

EXAMPLES = 5


@check("DAT053", category=Category.CORRECTNESS, severity=Severity.WARNING)
def prompt_not_shared(dataset: Dataset) -> Iterator[Finding]:
    """Preference pairs whose two sides differ in more than the last answer.

    ## What it finds
    Rows of any split of preference data whose chosen and rejected conversations part before the
    last answer, or of which one goes on for further turns.

    ## Why it matters
    A preference compares two answers to one prompt. Where the prompts differ, the trainer takes the
    turns that both share as the prompt and the rest, a user's words with it, as the answers: the
    model is taught to write the user's turn, or to prefer one question over another.

    ## How it is measured
    By the turns of both sides after those that are equal: exactly one on each side is right. Told
    only where a side holds a conversation (a list of messages, or turns marked `Human:` and
    `Assistant:`); a column with a prompt of its own is shared by its nature.
    The 2,312 pairs of the HH-RLHF harmless test have five: one side of each runs on into a second
    answer.

    ## Example
    `chosen` has the user ask for the price and `rejected` for the opening hours.

    ## Fix
    Drop the rows, or pair the answers again by their prompt.

    ## When it is wrong
    When whole conversations are compared on purpose. Trainers of single answers do not do that.

    ## Sources
    TRL, "Dataset formats and types": the prompt of a preference row is what both sides share.
    """
    require_kind(dataset, {Kind.PREFERENCE})
    found = flag(dataset, _differing)
    if not found.count:
        return
    shown = [
        (
            split.name,
            split.lines[note.row],
            note.detail,
            both.chosen[note.row],
            both.rejected[note.row],
        )
        for split in found.splits
        for both in (sides(split),)
        for note in split.irregular
        for row in (note.row,)
        if note.what is Irregular.PROMPT_DIFFERS
    ]
    yield Finding(
        message=f"{found.of_all} differ in more than the last answer",
        where=found.where,
        evidence=(
            found.number("pairs that differ in more than the last answer", "0 %"),
            Table(
                name="where the two sides part",
                columns=(
                    "split",
                    "line",
                    "turns not shared",
                    "chosen from there",
                    "rejected from there",
                ),
                rows=tuple(shown[:EXAMPLES]),
                total=found.count,
            ),
        ),
        impact="turns of the user are trained on as if they were answers",
        fixes=(found.drop("pair"),),
    )


def _differing(split: Split) -> NDArray[np.int64]:
    """The numbers of the chosen answers of pairs that part too early."""
    rows = [note.row for note in split.irregular if note.what is Irregular.PROMPT_DIFFERS]
    at = np.array(rows, dtype=np.int64)
    return parts(split).start[at] + sides(split).chosen_part[at]
