"""MET039: predictions with rows that the evaluation set does not have so often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Row, Safety, Severity
from tunewell.core.words import counted
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.evaluation import Evaluation

SHOWN = 20


@check(
    "MET039",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    covers=("E17",),
)
def rows_counted_twice(
    evaluation: Evaluation, dataset: Dataset | None, *, min_repeated: int = 3
) -> Iterator[Finding]:
    """Predictions hold rows of the evaluation set more often than it does.

    ## What it finds
    A predictions file with more rows than the set that was judged, where the rest are repetitions;
    and one whose last rows are its first ones over again.

    ## Why it matters
    An evaluation spread over several processes fills the last batch up with rows from the
    beginning. Without taking them out again the metric counts those rows twice, and changes with
    the number of processes.

    ## How it is measured
    With the data at hand: every text of the predictions is one of the evaluation or test rows, all
    of those are there, and there are more predictions than rows. Without it: the last rows, at
    least `min_repeated` of them (3) with different texts, are the first ones again, in the same
    order and with the same labels and predictions, and no other row stands twice. By the file's
    texts; without texts nothing can be told.

    ## Example
    1,000 rows on 8 processes with batches of 16: 1,024 predictions.

    ## Fix
    `accelerator.gather_for_metrics` in place of `gather`, or cut the predictions to the length of
    the data set.

    ## When it is wrong
    When rows are judged more than once on purpose.

    ## Sources
    accelerate issue 125 and pull request 540; torch's `DistributedSampler` repeats rows from the
    beginning. Fault E17 of the catalogue.
    """
    if evaluation.texts is None:
        reason = "the predictions have no texts by which rows could be known"
        raise NotApplicableError(reason)
    seen = Counter(evaluation.texts)
    judged = _judged(dataset, seen)
    if judged is not None:
        known = Counter(judged.texts)
        extra = sum((seen - known).values())
        if extra and len(evaluation) - len(judged) == extra and not known - seen:
            yield _finding(
                evaluation, extra, f"{judged.name} has {len(judged.texts):,} rows", sure=True
            )
        return
    again = _begins_again(evaluation, seen)
    if again >= min_repeated:
        yield _finding(evaluation, again, "its last rows are its first ones again", sure=False)


def _judged(dataset: Dataset | None, seen: Counter[str]) -> Split | None:
    """The split that was judged: the one whose rows hold every text of the predictions."""
    if dataset is None:
        return None
    for split in dataset.splits:
        if split.name != "train" and seen.keys() <= set(split.texts):
            return split
    return None


def _begins_again(evaluation: Evaluation, seen: Counter[str]) -> int:
    """How many rows at the end are those at the beginning, where no other stands twice."""
    assert evaluation.texts is not None  # noqa: S101  as the caller made sure
    count = len(evaluation) - len(seen)
    if count < 1 or 2 * count > len(evaluation) or max(seen.values()) > 2:  # noqa: PLR2004  twice
        return 0
    rows = list(
        zip(evaluation.texts, evaluation.given.tolist(), evaluation.predicted.tolist(), strict=True)
    )
    return count if rows[-count:] == rows[:count] else 0


def _finding(evaluation: Evaluation, extra: int, why: str, *, sure: bool) -> Finding:
    rows = len(evaluation)
    first = rows - extra
    places = range(first, min(rows, first + SHOWN)) if not sure else _repeated(evaluation)
    return Finding(
        message=(
            f"{counted(extra, 'row')} of the {rows:,} predictions "
            f"{'is' if extra == 1 else 'are'} counted twice: {why}"
        ),
        where=tuple(
            Row(
                split=evaluation.name,
                index=row,
                file=evaluation.file,
                line=None if evaluation.lines is None else int(evaluation.lines[row]),
            )
            for row in places
        ),
        evidence=(Number(name="rows too many", value=extra, unit="rows", bound="0"),),
        impact="the metric changes with the number of processes",
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        fixes=(
            Fix(
                title="use gather_for_metrics, or cut the predictions to the length of the set",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _repeated(evaluation: Evaluation) -> list[int]:
    assert evaluation.texts is not None  # noqa: S101  as above
    met: set[str] = set()
    places = []
    for row, text in enumerate(evaluation.texts):
        if text in met:
            places.append(row)
        met.add(text)
    return places[:SHOWN]
