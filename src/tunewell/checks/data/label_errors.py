"""DAT014: labels that a model which has not seen the row would not give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    DropRows,
    Finding,
    Fix,
    Number,
    Safety,
    SetLabel,
    Severity,
    Table,
    Text,
)
from tunewell.core.words import counted
from tunewell.facts.labels.out_of_fold import out_of_fold as cross_validated
from tunewell.facts.parts import places
from tunewell.facts.writing.flagged import excerpt
from tunewell.stats.label_noise import LabelErrors
from tunewell.stats.label_noise import label_errors as judge
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.out_of_fold import OutOfFold

Ints = NDArray[np.int64]

EXAMPLES = 15
HALF = 0.5
ONE_WAY = 4
"""How many times as often a class must lose rows to the other as it gains rows from it."""


@check(
    "DAT014",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D31",),
)
def label_errors(
    dataset: Dataset,
    out_of_fold: OutOfFold | None,
    *,
    min_share: float = 0.005,
    min_rows: int = 10,
    min_learned: float = 0.3,
    sure: float = 0.9,
) -> Iterator[Finding]:
    """Training labels that look wrong to a model that has not seen the row.

    ## What it finds
    Rows of single-label data whose label is probably a mistake, the worst first, with the label
    that fits better. Where most of them carry one label and read like one other, it says so.

    ## Why it matters
    A network learns wrong labels by heart in its later epochs, and wrong labels in the evaluation
    hide which model is better.

    ## How it is measured
    Each row is judged by a model trained on the other folds (naive Bayes on TF-IDF, copies kept
    together), or by probabilities that are given. Temperature and noise rates are fitted to
    the given labels. Where model and label differ, the probabilities alone cannot say which of them
    errs, so two readings are worked out: all doubt is the model's, or the labeller doubted where
    the model does. A row's chance of being wrong is half of each, less of the second where the
    surest errors look drawn at random. Listed is the set with the best expected F1; the range
    beside the share of false alarms holds both readings. On three data sets with known truth its F1
    was .80, .72 and .94, of cleanlab's default .67, .71 and .76 (benchmarks/label_errors.py).

    It speaks only where the first reading, at its lower 95 % bound, finds `min_rows` (10) wrong
    labels and a share of `min_share` (0.005; CLINC150, a clean set, shows 0.001) and where the
    model has learned: its accuracy must have come `min_learned` (0.3) of the way from the largest
    class's share to 1. A class most of whose rows are listed is one that the model does not know,
    and is left out. Relabelled are only rows that the first reading holds wrong with a chance of
    `sure` (0.9), to a label with the same chance.

    ## Example
    `tell me about today weather`, labelled `replacement_card_duration`.

    ## Fix
    Read the listed rows. Dropping those that are more likely wrong than not costs little where some
    were right. Relabelling is offered for the surest alone.

    ## When it is wrong
    Rows that are right but unusual look wrong, above all where the text is short or the model weak.
    Errors that fill most of a class are learned as its meaning and are not seen.

    ## Sources
    Fault D31 of the catalogue; Northcutt, Jiang and Chuang 2021, "Confident Learning"; Lipton,
    Elkan and Naryanaswamy 2014 on cutting for F1; docs/design/0004-label-errors.md.
    """
    found = out_of_fold if out_of_fold is not None else cross_validated(dataset)
    train = dataset.train
    _require_same(train, found)
    _require_learned(found, min_learned)
    errors = judge(found.probabilities, found.given)
    if errors.least_wrong < max(min_rows, min_share * len(found)):
        return
    listed = _listed(errors, found)
    if not len(listed):
        return
    rows = found.rows[listed]
    wrong, false = errors.wrong, errors.false_discovery
    noun = "training label looks" if len(listed) == 1 else "training labels look"
    yield Finding(
        message=(
            f"{len(listed):,} of {len(found):,} {noun} wrong "
            f"({100 * len(listed) / len(found):.1f} %); about {100 * false.value:.0f} % of them "
            f"are expected to be right{_one_sided(listed, errors, found)}"
        ),
        where=places(train, rows),
        evidence=(
            Number(
                name="labels that are wrong, estimated",
                value=100 * wrong.value,
                unit="%",
                bound=f"lower bound at most {100 * min_share:g} %",
                low=100 * wrong.low,
                high=100 * wrong.high,
            ),
            Number(
                name="listed labels that are right, estimated",
                value=100 * false.value,
                unit="%",
                low=100 * false.low,
                high=100 * false.high,
            ),
            _table(train, listed, errors, found),
            Text(name="judged by", text=found.source),
        ),
        impact="wrong labels are learned by heart, and hide which model is better",
        fixes=_fixes(train, listed, errors, found, sure),
    )


def _require_same(train: Split, found: OutOfFold) -> None:
    labels = train.labels
    if len(found) and int(found.rows.max()) < len(labels):
        given = [found.classes[number] for number in found.given.tolist()]
        if all(labels[row] == name for row, name in zip(found.rows.tolist(), given, strict=True)):
            return
    message = "the probabilities that were given belong to other rows or labels than the data has"
    raise NotRunError(message)


def _require_learned(found: OutOfFold, min_learned: float) -> None:
    right = float((found.probabilities.argmax(axis=1) == found.given).mean())
    guess = float(np.bincount(found.given).max()) / len(found)
    if right - guess < min_learned * (1 - guess):
        message = (
            f"the model says too little of these labels: {100 * right:.0f} % right where always "
            f"naming the largest class gives {100 * guess:.0f} %"
        )
        raise NotApplicableError(message)


def _listed(errors: LabelErrors, found: OutOfFold) -> Ints:
    """Places of the flagged rows, worst first, without classes that the model does not know."""
    sizes = np.bincount(found.given, minlength=len(found.classes))
    flagged = np.bincount(found.given[errors.flagged], minlength=len(found.classes))
    known = flagged <= HALF * sizes
    return errors.order[errors.flagged[errors.order] & known[found.given[errors.order]]]


def _one_sided(listed: Ints, errors: LabelErrors, found: OutOfFold) -> str:
    """The pair of labels between which most errors flow one way, in words; else nothing."""
    classes = len(found.classes)
    cells = found.given[listed] * classes + errors.suggested[listed]
    given, better = divmod(int(np.bincount(cells).argmax()), classes)
    forth = int((cells == given * classes + better).sum())
    back = int((cells == better * classes + given).sum())
    sizes = np.bincount(found.given, minlength=classes)
    # By rate, or every random error would seem to flow from a large class to a small one.
    rate, rate_back = forth / (sizes[better] + forth), back / (sizes[given] + back)
    if forth < HALF * len(listed) or rate <= ONE_WAY * rate_back or forth <= ONE_WAY * back:
        return ""
    return (
        f"; {forth:,} of them are labelled {found.classes[given]!r} and read like "
        f"{found.classes[better]!r}"
    )


def _table(train: Split, listed: Ints, errors: LabelErrors, found: OutOfFold) -> Table:
    return Table(
        name="labels most likely wrong",
        columns=("line", "text", "label", "fits better", "its probability", "chance it is wrong"),
        rows=tuple(
            (
                int(train.lines[int(found.rows[at])]),
                excerpt(train.texts[int(found.rows[at])]),
                found.classes[found.given[at]],
                found.classes[errors.suggested[at]],
                round(float(errors.suggestion[at]), 2),
                round(float(errors.posterior[at]), 2),
            )
            for at in listed[:EXAMPLES].tolist()
        ),
        total=len(listed),
    )


def _fixes(
    train: Split, listed: Ints, errors: LabelErrors, found: OutOfFold, sure: float
) -> tuple[Fix, ...]:
    likely = listed[errors.posterior[listed] >= HALF]
    surest = listed[(errors.sure[listed] >= sure) & (errors.suggestion[listed] >= sure)]
    fixes: list[Fix] = []
    if len(likely):
        rows = tuple(sorted(found.rows[likely].tolist()))
        fixes.append(
            Fix(
                title=f"drop {counted(len(likely), 'row')} more likely wrong than right",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=rows),),
            )
        )
    if len(surest):
        pairs = found.given[surest] * len(found.classes) + errors.suggested[surest]
        edits = []
        for pair in np.unique(pairs).tolist():
            old, new = divmod(pair, len(found.classes))
            edits.append(
                SetLabel(
                    split=train.name,
                    rows=tuple(sorted(found.rows[surest[pairs == pair]].tolist())),
                    old=found.classes[old],
                    new=found.classes[new],
                )
            )
        title = f"relabel the surest {counted(len(surest), 'row')}"
        fixes.append(Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)))
    return tuple(fixes) or (Fix(title="read the listed rows", safety=Safety.MANUAL),)
