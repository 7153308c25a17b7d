"""ADA001: the texts of the new data come from somewhere else than those of the current data."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Row, Safety, Severity, Table
from tunewell.subjects.data_shift import DataShift

LONGEST_QUOTATION = 120


@check("ADA001", category=Category.SUSPICIOUS, severity=Severity.WARNING, covers=("C06",))
def data_moved(shift: DataShift, *, alpha: float = 0.01) -> Iterator[Finding]:
    """New texts that differ from the current ones by more than chance.

    ## What it finds
    New data whose texts are distributed otherwise than those of the current training data: other
    topics, other wording, another language or form.

    ## Why it matters
    The current model was judged on texts like its own. What it does on others is unknown, and its
    score on the old evaluation rows does not fall to warn anybody.

    ## How it is measured
    A kernel two-sample test (maximum mean discrepancy, median width) on the model's embeddings, or
    on weighted character n-grams where no model is given, with its p-value from random
    re-divisions of the rows. Its rate of false alarms is at most `alpha` at any number of rows,
    0.01 so that the finding is right 99 times in 100. Holm's correction counts the label test.

    ## Example
    A bank's chat model meets questions about a product that did not exist when it was trained.

    ## Fix
    Label a sample of the new rows and measure; `tunewell adapt` retrains with the old rows kept.

    ## When it is wrong
    The shift is real but may not matter: a greeting that every new row begins with moves texts and
    leaves answers right. Rows that depend on one another (many from one source) move together by
    chance more often than `alpha`.

    ## Sources
    Gretton et al. 2012; Rabanser et al. 2019; Phipson and Smyth 2010. Fault C06 of the catalogue.
    """
    if shift.text_p > alpha:
        return
    yield Finding(
        message=(
            f"the {shift.new_rows:,} new rows are not like the {shift.current_rows:,} current ones "
            f"({_p(shift.text_p)} by {shift.features})"
        ),
        where=tuple(
            Row(split="new", index=moved.row, file=shift.new_file, line=moved.line)
            for moved in shift.moved
        ),
        evidence=(
            Number(name="p-value of no shift", value=shift.text_p, bound=f"above {alpha:g}"),
            Number(name="squared mean discrepancy", value=shift.text_effect),
            Table(
                name="rows that moved most",
                columns=("line", "label", "text"),
                rows=tuple(
                    (moved.line, moved.label, moved.text[:LONGEST_QUOTATION])
                    for moved in shift.moved
                ),
                total=len(shift.moved),
            ),
        ),
        impact="how good the current model is on such rows is not known",
        fixes=(
            Fix(
                title="retrain with the old rows kept: tunewell adapt NEW_DATA",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _p(value: float) -> str:
    return f"p = {value:.3f}"
