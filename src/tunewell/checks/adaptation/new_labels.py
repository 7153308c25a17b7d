"""ADA005: labels that the current model cannot answer with."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Classes, Finding, Fix, Number, Safety, Severity
from tunewell.subjects.data_shift import DataShift

NAMED = 5


@check("ADA005", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("C03",))
def new_labels(shift: DataShift, *, max_rows: int = 0) -> Iterator[Finding]:
    """Labels in the new data that the current data does not have.

    ## What it finds
    Labels with more than `max_rows` new rows and no current row.

    ## Why it matters
    The current model has no output for them: every such row is answered wrongly. And loading the
    old model with more labels makes its head anew, so what the head knew is lost.

    ## How it is measured
    By counting. `max_rows` is 0: one row is one wrong answer.

    ## Example
    Two intents were added since the last training.

    ## Fix
    Retrain on old and new rows together, which `tunewell adapt` does.

    ## When it is wrong
    When a known label is only spelt otherwise: correct the spelling instead.

    ## Sources
    Fault C03 of the catalogue.
    """
    unseen = [label for label in shift.unseen_labels if label.new_rows > max_rows]
    if not unseen:
        return
    unseen.sort(key=lambda label: (-label.new_rows, label.name))
    rows = sum(label.new_rows for label in unseen)
    names = ", ".join(label.name for label in unseen[:NAMED])
    more = f" and {len(unseen) - NAMED} more" if len(unseen) > NAMED else ""
    noun = "label that is" if len(unseen) == 1 else "labels that are"
    yield Finding(
        message=f"{rows:,} new rows have {len(unseen)} {noun} not in the current data: "
        f"{names}{more}",
        where=(Classes(names=tuple(label.name for label in unseen)),),
        evidence=(
            Number(
                name="new rows with an unknown label",
                value=100 * rows / shift.new_rows,
                unit="%",
                bound=f"at most {max_rows:,} rows",
            ),
        ),
        impact="the current model answers all of these rows wrongly",
        fixes=(Fix(title="retrain on old and new rows together", safety=Safety.MANUAL),),
    )
