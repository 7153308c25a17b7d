"""DAT114: padding of the targets that is trained on."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, Severity, Tokens
from tunewell.subjects.batch import IGNORED
from tunewell.subjects.first_step import FirstStep
from tunewell.subjects.targets import TargetRow, Targets


@check("DAT114", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D39",))
def padding_trained_in_targets(
    targets: Targets, step: FirstStep | None, *, max_share: float = 0.0
) -> Iterator[Finding]:
    """Padding at the end of sequence-to-sequence targets that counts as text to be written.

    ## What it finds
    Labels of a model with a decoder of its own that end in padding tokens where -100 would leave
    them out of the loss.

    ## Why it matters
    The model is trained to write padding after the end, which is easy: the loss looks far better
    than it is, and short texts weigh less than their padding. A third of the loss's tokens can be
    padding.

    ## How it is measured
    On sampled rows after the real collator: padding tokens at the end of the labels. Where padding
    and the end of a text are one token, one of them at the end is right. A share of all trained
    label tokens above `max_share`, 0 by default because the collator for such models leaves none,
    is a warning.

    ## Example
    Targets tokenised with `padding="max_length"` and used as labels as they are. In a reproduction
    the reported loss was 0.062, and that of the real tokens 0.167.

    ## Fix
    Tokenise without padding and use `DataCollatorForSeq2Seq`, or replace the padding token in the
    labels by -100.

    ## When it is wrong
    When the loss is the user's own and leaves padding out itself; then nothing is said.

    ## Sources
    Fault D39 of the catalogue, reproduced with transformers 5.23.
    """
    if targets.pad is None or (step is not None and step.own_loss):
        return
    padded = {row.index: count for row in targets.rows if (count := _padding(row, targets))}
    trained = sum(sum(label != IGNORED for label in row.labels) for row in targets.rows)
    total = sum(padded.values())
    if not padded or total <= max_share * trained:
        return
    shown = max(targets.rows, key=lambda row: padded.get(row.index, 0))
    yield Finding(
        message=(
            f"{100 * total / trained:.3g} % of the trained label tokens are padding (token "
            f"{targets.pad}), in {len(padded):,} of {len(targets.rows):,} sampled rows"
        ),
        where=tuple(Row(split="train", index=index) for index in padded),
        evidence=(
            Number(
                name="padding among trained label tokens",
                value=100 * total / trained,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
            Tokens(
                name=f"labels of row {shown.index}",
                pieces=shown.pieces,
                trained=tuple(label != IGNORED for label in shown.labels),
            ),
        ),
        impact="the loss looks better than it is, and the model learns to write padding",
        fixes=(
            Fix(
                title="replace the padding token in the labels by -100 (DataCollatorForSeq2Seq "
                "pads labels so)",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _padding(row: TargetRow, targets: Targets) -> int:
    """Padding tokens that end the labels; an end of text that is the same token is not one."""
    known = [label for label in row.labels if label != IGNORED]
    count = 0
    while count < len(known) and known[-1 - count] == targets.pad:
        count += 1
    return max(0, count - 1) if targets.pad == targets.end else count
