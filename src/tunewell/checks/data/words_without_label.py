"""DAT117: words of a tagger none of whose tokens is trained."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Tokens,
)
from tunewell.subjects.batch import IGNORED, Batch
from tunewell.subjects.tagged_words import TaggedWords


@check("DAT117", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D46",))
def words_without_label(
    batch: Batch, tagged: TaggedWords | None, *, max_share: float = 0.2
) -> Iterator[Finding]:
    """Words of which no token has a label, so that the tagger never learns them.

    ## What it finds
    Rows of token classification in which all pieces of many words, or of all, have the label -100.

    ## Why it matters
    The alignment of labels rests on what the tokenizer does with spaces. With another tokenizer it
    finds no word any more: the loss is NaN or 0, or only first words are learned.

    ## How it is measured
    The words of sampled rows are cut into tokens again to know which tokens belong to which word;
    words that were cut off the row do not count. Without a word in the labels at all it is an error
    of high confidence, from a share of words above `max_share` on a warning: 0.2, because a row may
    leave out punctuation or words of no known tag on purpose. Where rows do not keep their words,
    only rows without any label count.

    ## Example
    Labels put on tokens whose offset begins at 0, as for BERT, with a tokenizer that counts a
    leading space.

    ## Fix
    Align with `word_ids()` of a fast tokenizer, and load it with `add_prefix_space=True` where it
    asks for that.

    ## When it is wrong
    When most words are left unlabelled on purpose.

    ## Sources
    Fault D46 of the catalogue, reproduced with transformers 5.23.
    """
    if batch.task != "token":
        reason = "the model is no tagger"
        raise NotApplicableError(reason)
    empty = [row for row in batch.train.rows if not row.trained.any()]
    if batch.train.rows and len(empty) == len(batch.train.rows):
        words, lost, rows = len(empty), len(empty), [row.index for row in empty]
        what = f"no token of {len(empty):,} sampled rows has a label: all are -100"
    elif tagged is not None:
        words, lost, rows = _counted(tagged)
        what = (
            f"{lost:,} of {words:,} words in sampled rows have no label on any of their tokens "
            "(all -100)"
        )
    else:
        return
    if not words or lost / words <= max_share:
        return
    shown = next((row for row in batch.train.rows if row.index == rows[0]), batch.train.rows[0])
    everything = lost == words
    yield Finding(
        message=what,
        where=tuple(Row(split="train", index=row) for row in rows if row is not None),
        evidence=(
            Number(
                name="words without a label" if tagged is not None else "rows without a label",
                value=100 * lost / words,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Tokens(
                name=f"row {shown.index}",
                pieces=shown.pieces,
                trained=tuple(bool(known) for known in shown.trained),
            ),
        ),
        impact="nothing is learned" if everything else "these words are never learned",
        fixes=(
            Fix(
                title="align labels with word_ids() of the tokenizer, and load it with "
                "add_prefix_space=True where it asks for that",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.ERROR if everything else Severity.WARNING,
        confidence=Confidence.HIGH if everything else Confidence.MEDIUM,
    )


def _counted(tagged: TaggedWords) -> tuple[int, int, list[int | None]]:
    """Words, those without a label, and the rows that have such words."""
    words = lost = 0
    rows: dict[int | None, None] = {}
    for row in tagged.rows:
        there = {word for word in row.word_of if word is not None}
        known = {
            word
            for word, label in zip(row.word_of, row.labels, strict=True)
            if word is not None and label != IGNORED
        }
        words += len(there)
        lost += len(there - known)
        if there - known:
            rows[row.index] = None
    return words, lost, list(rows)
