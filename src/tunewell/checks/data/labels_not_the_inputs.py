"""DAT085: labels of a causal model that are not its inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tunewell.core.check import NotApplicableError, check
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
from tunewell.facts.targets import Document, at, labelled, require_task, same_share, texts
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import IGNORED, Batch

SHOWN = 12


@dataclass(frozen=True, slots=True)
class _Share:
    """Shares of the trained places, 0 to 1, at which the label is this."""

    same: float
    following: float
    masked: float


@check(
    "DAT085",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D55", "O34"),
)
def labels_not_the_inputs(
    batch: Batch, *, min_same: float = 0.9, min_explained: float = 0.95
) -> Iterator[Finding]:
    """Labels of a causal model that differ from its inputs: shifted by hand, or of another task.

    ## What it finds
    A causal model shifts the labels itself: the label at a place is the input token at that place,
    or -100. It finds

    - labels that were already shifted by one, so that the model learns the token after the next;
    - labels of masked language modelling, which ask a causal model for tokens that were taken out;
    - labels that have little to do with the inputs.

    ## Why it matters
    The training loss falls as always. What is generated is wrong: one token is skipped each time,
    or only 15 % of the tokens were ever learned from, in a text full of holes.

    ## How it is measured
    Trained labels are compared with the input at the same place and at the next. It is found where
    fewer than `min_same` of them (90 %) are the same; the margin leaves room for losses that
    replace a few labels. The cause is named where it explains at least `min_explained` of the
    labels (95 %), or where most trained inputs are the mask token. Else the finding is a warning.

    ## Example
    `labels = input_ids[1:] + [-100]` for a `LlamaForCausalLM`.

    ## Fix
    Give the labels as a copy of the input ids; the model shifts them. For a causal model use
    `DataCollatorForLanguageModeling(tokenizer, mlm=False)`: the default is `mlm=True`.

    ## When it is wrong
    When the model does not shift, as a model of your own may, or is trained to fill gaps on
    purpose, as diffusion language models are.

    ## Sources
    Faults D55 and O34 of the catalogue: in its reproduction the loss was the same with labels
    shifted by hand, and next-token accuracy 0 instead of 1.
    """
    require_task(batch, "causal")
    found = [d for d in texts(batch.train) if d.targets.any()]
    if not found or not batch.shifts:
        reason = "no text has a trained token, or the model does not shift the labels"
        raise NotApplicableError(reason)
    mask = batch.vocabulary.mask if batch.vocabulary is not None else None
    share = _share(found, mask)
    if share.same >= min_same:
        return
    shifted = share.following >= min_explained
    gaps = share.masked > 0.5  # noqa: PLR2004  most of them
    name = batch.collator or "the collator"
    if shifted:
        message = (
            f"{percent(share.following)} of the labels are the token after their place: they are "
            "shifted by hand, and the model shifts them again"
        )
        advice = "give the labels as a copy of input_ids, unshifted"
    elif gaps:
        message = (
            f"{name} masks tokens as for masked language modelling, and the model is causal: "
            f"{percent(share.masked)} of the trained places hold the mask token"
        )
        advice = "use DataCollatorForLanguageModeling(tokenizer, mlm=False)"
    else:
        message = (
            f"only {percent(share.same)} of the labels are the token at their place, as a causal "
            "model needs them"
        )
        advice = "give the labels as a copy of input_ids, with -100 where nothing is to be learned"
    yield Finding(
        message=message,
        where=at(batch.train, found),
        evidence=(
            Number(
                name="labels that are the input at their place",
                value=100 * share.same,
                unit="%",
                bound=f"at least {100 * min_same:g} %",
            ),
            _table(batch, found[0]),
        ),
        impact="the model learns another task than to predict the next token",
        fixes=(Fix(title=advice, safety=Safety.MANUAL),),
        severity=None if shifted or gaps else Severity.WARNING,
        confidence=Confidence.HIGH if shifted or gaps else Confidence.MEDIUM,
    )


def _share(found: list[Document], mask: int | None) -> _Share:
    pairs = [labelled(document) for document in found]
    total = sum(len(labels) for _, labels in pairs)
    masked = sum(int((ids == mask).sum()) for ids, _ in pairs) if mask is not None else 0
    following = sum(_following(document) for document in found)
    return _Share(same_share(found), following / total, masked / total)


def _following(document: Document) -> int:
    labels = document.row.labels
    if labels is None:
        return 0
    mine, ids = labels[document.low : document.high], document.ids
    known = (mine != IGNORED) & (np.arange(len(mine)) > 0)
    next_ids = np.append(ids[1:], mine[-1])  # a last label has no next input to differ from
    return int((known & (mine == next_ids)).sum())


def _table(batch: Batch, document: Document) -> Table:
    """The first trained places of a text: input beside label."""
    labels = document.row.labels
    rows: list[tuple[str | float | int | None, ...]] = []
    places = np.flatnonzero(document.targets) + document.low
    decoded = dict(zip(document.row.ids.tolist(), document.row.pieces, strict=True))
    for place in places[:SHOWN].tolist():
        label = int(labels[place]) if labels is not None else 0
        rows.append((place, document.row.pieces[place], decoded.get(label, str(label))))
    return Table(
        name=f"inputs and labels of a row of {batch.train.split}",
        columns=("place", "input", "label"),
        rows=tuple(rows),
        total=len(places),
    )
