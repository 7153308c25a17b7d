"""DAT053: preference pairs whose two sides are not answers to the same conversation."""

from __future__ import annotations

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
from tunewell.facts.parts import places, require_kind
from tunewell.facts.preferences import sides
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.layout import Kind
from tunewell.subjects.reading import Irregular

EXAMPLES = 5


@check("DAT053", category=Category.CORRECTNESS, severity=Severity.WARNING)
def prompt_not_shared(dataset: Dataset) -> Iterator[Finding]:
    """Preference pairs whose two sides differ in more than the last answer.

    ## What it finds
    Training rows of preference data whose chosen and rejected conversations part before the last
    answer, or of which one goes on for further turns.

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
    train = dataset.train
    details = {
        note.row: note.detail for note in train.irregular if note.what is Irregular.PROMPT_DIFFERS
    }
    if not details:
        return
    rows = sorted(details)
    both = sides(train)
    share = 100 * len(rows) / len(train)
    yield Finding(
        message=(
            f"{len(rows):,} of {len(train):,} pairs ({share:.2g} %) differ in more than the last "
            "answer"
        ),
        where=places(train, rows),
        evidence=(
            Number(
                name="pairs that differ in more than the last answer",
                value=share,
                bound="0 %",
                unit="%",
            ),
            Table(
                name="where the two sides part",
                columns=("line", "turns not shared", "chosen from there", "rejected from there"),
                rows=tuple(
                    (train.lines[row], details[row], both.chosen[row], both.rejected[row])
                    for row in rows[:EXAMPLES]
                ),
                total=len(rows),
            ),
        ),
        impact="turns of the user are trained on as if they were answers",
        fixes=(
            Fix(
                title=f"drop {counted(len(rows), 'pair')}",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(rows)),),
            ),
        ),
    )
