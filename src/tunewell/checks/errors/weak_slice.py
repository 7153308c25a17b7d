"""ERR002: rows with something in common on which the model errs."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Row,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.evaluation import require_learned
from tunewell.facts.slices import SHOWN_FIRST, weak_slices
from tunewell.subjects.evaluation import Evaluation

SHOWN = 10


@check(
    "ERR002",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D31", "D30"),
)
def weak_slice(
    evaluation: Evaluation,
    *,
    alpha: float = 0.05,
    min_rows: int = 200,
    min_excess: float = 0.1,
    min_learned: float = 0.2,
) -> Iterator[Finding]:
    """Rows with something in common on which the model errs far more than elsewhere.

    ## What it finds
    Slices that a person can read: a word, a label, a word with a label, short or long texts,
    digits, capitals, classes with few training rows.

    ## Why it matters
    An average hides them. A slice names what to collect or relabel next.

    ## How it is measured
    Predicates are ranked on a random half of the rows by the standard errors by which their wrong
    answers exceed the overall rate; the ten best are tested on the other half, and those are
    reported whose Holm-adjusted p-value is at most `alpha` and whose share of wrong answers is at
    least `min_excess` above that of all other rows. Fewer than `min_rows` rows are not halved. On
    CLINC150 with errors at random, at most 2 of 100 evaluations gave a slice
    (`benchmarks/results/slices.json`). A model that is right on less
    than half of the rows and less than `min_learned` of the way from the largest class's share to 1
    (0.2, a judgement: 0.3 with 8 equal classes) has hardly learned: its errors are a consequence
    and nothing is said.

    ## Example
    "contains 'pin' and label 'change_pin'": 14 of 31 rows wrong (45 %), elsewhere 6 %.

    ## Fix
    Read the rows; collect training rows like them, or correct their labels.

    ## When it is wrong
    When the rows are hard for people too.

    ## Sources
    Faults D30 and D31 of the catalogue; SliceLine (Sagadeeva and Boehm 2021) for predicate search.
    """
    if len(evaluation) < min_rows:
        message = f"the evaluation has fewer than {min_rows:,} rows"
        raise NotApplicableError(message)
    require_learned(evaluation, min_learned)
    found = [
        one
        for one in weak_slices(evaluation, alpha=alpha)
        if one.rate - one.elsewhere >= min_excess
    ]
    if not found:
        return
    worst = found[0]
    shown = worst.rows[:SHOWN_FIRST].tolist()
    texts = evaluation.texts
    examples = tuple(
        (
            None if texts is None else texts[row],
            evaluation.label_names[evaluation.given[row]],
            evaluation.label_names[evaluation.predicted[row]],
        )
        for row in shown
        if not evaluation.correct[row]
    )
    yield Finding(
        message=(
            f"{100 * worst.rate:.0f} % of {len(worst.rows):,} rows with {worst.description} are "
            f"answered wrong, {100 * worst.elsewhere:.0f} % elsewhere"
            + (f"; and {len(found) - 1:,} more" if len(found) > 1 else "")
        ),
        where=tuple(
            Row(
                split=evaluation.name,
                index=row,
                file=evaluation.file,
                line=None if evaluation.lines is None else evaluation.lines[row],
            )
            for row in shown
        ),
        evidence=(
            Table(
                name="weak slices",
                columns=("rows with", "rows", "wrong", "wrong in %", "elsewhere in %", "p"),
                rows=tuple(
                    (
                        one.description,
                        len(one.rows),
                        one.errors,
                        round(100 * one.rate, 1),
                        round(100 * one.elsewhere, 1),
                        float(f"{one.p_value:.1e}"),
                    )
                    for one in found[:SHOWN]
                ),
                total=len(found),
            ),
            Table(
                name="wrong answers in the first slice",
                columns=("text", "label", "prediction"),
                rows=examples,
                total=worst.errors,
            ),
        ),
        impact=f"{sum(one.errors for one in found):,} wrong answers lie in these slices",
        fixes=(
            Fix(
                title="read these rows; collect training rows like them, or correct their labels",
                safety=Safety.MANUAL,
            ),
        ),
    )
