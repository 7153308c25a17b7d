"""DAT115: a decoder that is shown the token it is to write."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Table,
    Tokens,
)
from tunewell.subjects.batch import IGNORED
from tunewell.subjects.targets import TargetRow, Targets

FEWEST_TOKENS = 2
SHOWN = 8
GENERIC = "EncoderDecoder"
"""Models put together of two: their documentation itself has the start token in the labels."""


@check("DAT115", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D40", "D50"))
def decoder_not_shifted(targets: Targets, *, min_share: float = 0.9) -> Iterator[Finding]:
    """Decoder inputs equal to the labels, or labels that begin with the decoder's start token.

    ## What it finds
    - `decoder_input_ids` that have the label of a place at the same place: the decoder copies what
      it sees;
    - labels that begin with the decoder's start token, which the model puts in front once more: it
      learns to write the start token after the start token.

    ## Why it matters
    In the first case the loss falls to nothing, and the model has learned to copy; generation is
    useless. In the second, Whisper and others begin every text with a doubled start token, and
    every later token is one place off from what pretraining saw.

    ## How it is measured
    On sampled rows after the real collator. At least `min_share` of them must show it, 0.9 by
    default: it is the work of a program, so it is in every row, save that a row of one repeated
    token looks the same either way. Models put together of an encoder and a decoder (names with
    EncoderDecoder) are not held to the second rule, because their documentation does it.

    ## Example
    A collator for Whisper that cuts `bos_token_id` from the labels where it should cut
    `decoder_start_token_id`.

    ## Fix
    Pass labels only: the model makes its decoder's inputs. Cut the start token from the labels.

    ## When it is wrong
    When a model of the user's own shifts by itself.

    ## Sources
    Faults D40 and D50 of the catalogue, reproduced with transformers 5.23 (T5, Whisper).
    """
    equal = [row for row in targets.rows if _equal(row)]
    if len(equal) >= min_share * len(targets.rows):
        yield _finding(
            targets,
            equal,
            "decoder_input_ids have at each place the very token that is to be predicted there",
            "the model learns to copy its input, and generation fails",
            "pass labels only, or shift decoder_input_ids by one to the right",
            min_share,
        )
        return
    if targets.start is None or targets.start == targets.pad or GENERIC in targets.model:
        return
    doubled = [row for row in targets.rows if _doubled(row, targets)]
    if len(doubled) >= min_share * len(targets.rows):
        yield _finding(
            targets,
            doubled,
            f"the labels begin with the decoder's start token ({targets.start}), and "
            f"{targets.model} puts it in front of them once more",
            "the model learns to begin every text with its start token",
            "cut the first token from the labels where it is decoder_start_token_id",
            min_share,
        )


def _equal(row: TargetRow) -> bool:
    if row.given is None or len(row.given) != len(row.labels):
        return False
    pairs = [(a, b) for a, b in zip(row.given, row.labels, strict=True) if b != IGNORED]
    return len(pairs) >= FEWEST_TOKENS and all(a == b for a, b in pairs)


def _doubled(row: TargetRow, targets: Targets) -> bool:
    if not row.labels or row.labels[0] != targets.start:
        return False
    if row.given is None:
        return targets.shifts
    return row.given[:2] == (targets.start, targets.start)


def _finding(
    targets: Targets, rows: list[TargetRow], what: str, impact: str, title: str, bound: float
) -> Finding:
    first = rows[0]
    return Finding(
        message=f"{what}, in {len(rows):,} of {len(targets.rows):,} sampled rows",
        where=tuple(Row(split="train", index=row.index) for row in rows),
        evidence=(
            Number(
                name="rows that show it",
                value=100 * len(rows) / len(targets.rows),
                unit="%",
                bound=f"less than {100 * bound:g} %",
            ),
            Tokens(
                name=f"labels of row {first.index}",
                pieces=first.pieces,
                trained=tuple(label != IGNORED for label in first.labels),
            ),
            Table(
                name=f"row {first.index}",
                columns=("place", "decoder's input", "label"),
                rows=tuple(
                    (at, None if first.given is None else first.given[at], label)
                    for at, label in enumerate(first.labels[:SHOWN])
                ),
                total=len(first.labels),
            ),
        ),
        impact=impact,
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
    )
