"""ADA003: the candidate answers worse than the model in use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.stats.paired import mcnemar
from tunewell.subjects.evaluation import EvaluationPair

SHOWN = 10
LONGEST_QUOTATION = 120


@check(
    "ADA003",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("C01",),
)
def regression_against_current_model(
    pair: EvaluationPair, *, alpha: float = 0.01, max_broken: float = 0.1, min_broken: int = 10
) -> Iterator[Finding]:
    """The candidate is worse than the current model, or breaks many answers that were right.

    ## What it finds
    An error where the candidate gets significantly fewer rows right. A warning where it is not
    worse in all, but gets at least `max_broken` of the rows wrong that the current model gets
    right, and at least `min_broken` rows.

    ## Why it matters
    Users notice what stops working more than what starts to. Two scores beside each other hide
    both: a difference that is chance, and answers that change places.

    ## How it is measured
    McNemar's exact test on the rows that exactly one of the two gets right: two to seven times as
    likely to see a real loss of 3 points as comparing two scores. `alpha` is 0.01, so that an
    error is right 99 times in 100. `max_broken` is a tenth: retraining with another seed alone
    changes a few per cent of the answers. `min_broken` keeps single rows out.

    ## Example
    Retrained on new rows only, the model is better on them and loses 12 points on the old ones.

    ## Fix
    Do not replace the current model; retrain with the old rows kept.

    ## When it is wrong
    When the labels of the judged rows favour the current model because they came from it.

    ## Sources
    McNemar 1947; Xie et al. 2021 (negative flips). Fault C01 of the catalogue.
    """
    was, now = pair.baseline.correct, pair.candidate.correct
    rows = len(was)
    broke = np.flatnonzero(was & ~now)
    fixed = int((~was & now).sum())
    p_value = mcnemar(fixed, len(broke))
    worse = p_value <= alpha and len(broke) > fixed
    share = len(broke) / max(int(was.sum()), 1)
    if not worse and (share < max_broken or len(broke) < min_broken):
        return
    before, after = 100 * was.sum() / rows, 100 * now.sum() / rows
    numbers = f"{len(broke):,} right answers became wrong and {fixed:,} wrong ones right"
    yield Finding(
        message=(
            f"the candidate is worse than the current model: {before:.1f} % to {after:.1f} % of "
            f"{rows:,} rows, {numbers}"
            if worse
            else f"the candidate breaks {100 * share:.0f} % of what the current model gets right: "
            f"{numbers}"
        ),
        severity=Severity.ERROR if worse else Severity.WARNING,
        confidence=Confidence.HIGH if worse else Confidence.MEDIUM,
        where=(Classes(names=_broken_classes(pair, broke)),),
        evidence=(
            Number(name="p-value of no difference", value=p_value, bound=f"above {alpha:g}"),
            Number(
                name="right answers broken",
                value=100 * share,
                unit="%",
                bound=f"below {100 * max_broken:g} %",
            ),
            _table(pair, broke),
        ),
        impact="users lose answers that worked",
        fixes=(Fix(title="keep the current model", safety=Safety.MANUAL),),
    )


def _broken_classes(pair: EvaluationPair, broke: np.ndarray) -> tuple[str, ...]:
    names, counts = np.unique(pair.baseline.given[broke], return_counts=True)
    order = np.lexsort((names, -counts))[:SHOWN]
    return tuple(pair.baseline.label_names[names[place]] for place in order)


def _table(pair: EvaluationPair, broke: np.ndarray) -> Table:
    texts = pair.baseline.texts
    return Table(
        name="answers that broke",
        columns=("row", "text", "label", "candidate says"),
        rows=tuple(
            (
                int(row),
                texts[row][:LONGEST_QUOTATION] if texts is not None else None,
                pair.baseline.label_names[pair.baseline.given[row]],
                pair.candidate.label_names[pair.candidate.predicted[row]],
            )
            for row in broke[:SHOWN]
        ),
        total=len(broke),
    )
