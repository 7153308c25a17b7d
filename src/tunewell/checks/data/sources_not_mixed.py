"""DAT066: rows of several sources that stand one source after the other, or of one alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

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
from tunewell.core.words import counted
from tunewell.facts.sampling.row_order import runs_of
from tunewell.facts.sampling.source_columns import source_columns
from tunewell.subjects.dataset import Dataset, Split

FEWEST_ROWS = 50
SURE = 1e-3
SHOWN = 10


@check(
    "DAT066",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
    covers=("O33", "C02"),
)
def sources_not_mixed(dataset: Dataset, *, max_run: float = 5.0) -> Iterator[Finding]:
    """Rows of several sources stand one source after the other, or all come from one.

    ## What it finds
    Training rows with a column that says where they come from (source, domain, dataset, language,
    task ...) whose values come in blocks; evaluation rows from sources that training lacks; and,
    for text generation, rows that are all of one source.

    ## Why it matters
    Files that were put together one after the other are learned one after the other wherever the
    order is kept (streaming, packing, a sequential sampler): the last source dominates. Evaluation
    rows of a source that was never trained on measure transfer and not learning. A model that
    learns to write from one source alone forgets what it did before.

    ## How it is measured
    By the mean run of rows of one source over what it would be in a random order (exact mean and
    variance, p below 0.001); the bound is `max_run`, 5 times, as for sorted labels. Sources are
    told by the column's name; it needs 50 rows and 10 rows a source. Blocks alone are information,
    because trainers shuffle. Sources that only the evaluation or test rows have are a warning. One
    source alone is information of low confidence, shown with `--pedantic`: whether old data is
    mixed in elsewhere cannot be seen here.

    ## Example
    30,000 rows of `source: wiki`, followed by 5,000 of `source: forum`.

    ## Fix
    Shuffle the rows, or let `interleave_datasets` mix the sources by given shares; keep some rows
    of the older kind of data.

    ## When it is wrong
    When stages in this order are a curriculum.

    ## Sources
    Faults O33 and C02 of the catalogue; Mood 1940, "The distribution theory of runs".
    """
    train = dataset.train
    names = source_columns(train)
    if not names:
        reason = "no column says where the rows come from"
        raise NotApplicableError(reason)
    if len(train) < FEWEST_ROWS:
        return
    for name in names:
        cells = train.extra[name]
        missing = _missing(dataset, name)
        order = runs_of([str(cell) for cell in cells])
        blocks = order.ratio > max_run and order.p_value < SURE
        if blocks or missing:
            told = []
            if blocks:
                told.append(
                    f"the values of {name!r} come in {counted(order.runs, 'block')} of "
                    f"{order.mean:,.0f} rows on average, {order.expected:,.1f} in a random order"
                )
            if missing:
                rows = sum(missing.values())
                told.append(
                    f"{counted(rows, 'row')} that judge come from {name} "
                    f"{', '.join(map(repr, list(missing)[:3]))}, which training lacks"
                )
            yield Finding(
                message="; ".join(told),
                evidence=(
                    Number(
                        name="rows of a block over those in a random order",
                        value=order.ratio,
                        bound=f"at most {max_run:g}",
                    ),
                    _table(train, name),
                ),
                impact=(
                    "the score measures transfer to a source that is not trained on"
                    if missing
                    else "where the order is kept, the last source dominates"
                ),
                fixes=(Fix(title="mix the sources before training", safety=Safety.MANUAL),),
                severity=Severity.WARNING if missing else Severity.INFO,
            )
            return
    if train.kind.generates and all(len(set(train.extra[name])) == 1 for name in names):
        name = names[0]
        yield Finding(
            message=(
                f"all {len(train):,} training rows come from one source: {name} is "
                f"{train.extra[name][0]!r}"
            ),
            evidence=(_table(train, name),),
            impact="what the model could do before may be forgotten",
            fixes=(Fix(title="mix in some rows of the older kind", safety=Safety.MANUAL),),
            severity=Severity.INFO,
            confidence=Confidence.LOW,
        )


def _table(split: Split, name: str) -> Table:
    counts = Counter(str(cell) for cell in split.extra[name]).most_common()
    return Table(
        name=f"training rows by {name}",
        columns=(name, "rows"),
        rows=tuple(counts[:SHOWN]),
        total=len(counts),
    )


def _missing(dataset: Dataset, name: str) -> Counter[object]:
    """Sources of the judging rows that no training row has, with their rows."""
    trained = set(dataset.train.extra[name])
    cells: list[Sequence[object]] = [s.extra.get(name, ()) for s in dataset.splits[1:]]
    return Counter(
        cell
        for column in cells
        for cell in column
        if cell not in trained and cell not in (None, "")
    )
