"""ADA002: known labels come in other shares than before."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Classes,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.subjects.data_shift import DataShift

SHOWN = 10


@check("ADA002", category=Category.SUSPICIOUS, severity=Severity.WARNING, covers=("C06",))
def label_shares_moved(
    shift: DataShift, *, alpha: float = 0.01, min_moved: float = 0.05
) -> Iterator[Finding]:
    """Labels whose shares differ between current and new data by more than chance.

    ## What it finds
    Shares of the known labels that have moved, by at least `min_moved` of the rows in all.

    ## Why it matters
    A model learns how often each answer is right. When the shares move, it guesses the old ones,
    and its accuracy on the old rows no longer says what users see.

    ## How it is measured
    The chi-square statistic with its p-value from random re-divisions of the rows, which holds for
    rare labels too; `alpha` is 0.01 after Holm's correction with the text test. `min_moved` is a
    twentieth of the rows: less moves accuracy by less than that.

    ## Example
    A label goes from a tenth to a third of the rows after a campaign.

    ## Fix
    Retrain with the new rows; compare per-class scores, which shares do not move.

    ## When it is wrong
    When the new rows were drawn to have other shares, for instance by active learning.

    ## Sources
    Lipton et al. 2018 on label shift. Fault C06 of the catalogue.
    """
    if shift.label_p is None:
        reason = "the new rows have too few known labels"
        raise NotApplicableError(reason)
    if shift.label_p > alpha or shift.label_effect < min_moved:
        return
    known = [label for label in shift.labels if label.known]
    old_total = sum(label.current_rows for label in known)
    new_total = sum(label.new_rows for label in known)
    shares = sorted(
        (
            (label.name, 100 * label.current_rows / old_total, 100 * label.new_rows / new_total)
            for label in known
        ),
        key=lambda row: (-abs(row[2] - row[1]), row[0]),
    )
    name, before, after = shares[0]
    yield Finding(
        message=(
            f"{100 * shift.label_effect:.0f} % of the label shares moved, most of all {name}: "
            f"from {before:.1f} % to {after:.1f} % of the rows"
        ),
        where=(Classes(names=tuple(row[0] for row in shares[:SHOWN])),),
        evidence=(
            Number(
                name="share of rows that would have to change label",
                value=100 * shift.label_effect,
                unit="%",
                bound=f"below {100 * min_moved:g} %",
            ),
            Number(name="p-value of no shift", value=shift.label_p, bound=f"above {alpha:g}"),
            Table(
                name="label shares that moved most",
                columns=("label", "current %", "new %"),
                rows=tuple((n, round(b, 1), round(a, 1)) for n, b, a in shares[:SHOWN]),
                total=len(shares),
            ),
        ),
        impact="accuracy on the old rows is not what users see",
        fixes=(Fix(title="retrain with the new rows", safety=Safety.MANUAL),),
    )
