"""Parts of a report that several commands show."""

from __future__ import annotations

import numpy as np

from tunewell.core.document import Section
from tunewell.core.finding import Matrix, Series, Table, Tokens
from tunewell.core.proof import Estimate, Proof
from tunewell.core.words import counted
from tunewell.facts.evaluation import confusion
from tunewell.subjects.batch import Batch, BatchRow
from tunewell.subjects.evaluation import Evaluation
from tunewell.subjects.trace import Trace

CURVES = (
    *("loss", "eval_loss", "eval_accuracy", "eval_f1", "reward", "rewards/margins"),
    *("rewards/accuracies", "learning_rate", "grad_norm"),
)


def curves(trace: Trace, *, title: str = "Learning curves", note: str = "") -> Section:
    """Every familiar metric that the run logged more than once; `note` says more of the run."""
    series = tuple(
        Series(
            name=name,
            steps=tuple(int(step) for step in column.steps),
            values=tuple(float(v) if np.isfinite(v) else None for v in column.values),
        )
        for name in CURVES
        if len(column := trace.column(name)) > 1
    )
    text = f"{trace.source}; {note}" if note else trace.source
    return Section(id="curves", title=title, text=text, evidence=series)


def confusion_matrix(evaluation: Evaluation) -> Section:
    """True against predicted classes."""
    counts = confusion(evaluation)
    return Section(
        id="confusion",
        title="Which classes are taken for which",
        text=f"{len(evaluation):,} rows of {evaluation.name}",
        evidence=(
            Matrix(
                name="confusion",
                labels=evaluation.label_names,
                counts=tuple(tuple(int(cell) for cell in row) for row in counts),
            ),
        ),
    )


def before_after(proofs: list[Proof], rows: int) -> Section:
    """A row a metric: before, after and the difference with their 95 % intervals."""
    return Section(
        id="before-after",
        title="Before and after",
        text=f"{rows:,} test rows that no choice has seen",
        evidence=(
            Table(
                name="before and after",
                columns=("metric", "before", "after", "difference", "p"),
                rows=tuple(
                    (
                        METRIC_NAMES.get(proof.metric, proof.metric),
                        percent(proof.control),
                        percent(proof.change),
                        points(proof.difference),
                        f"{proof.p_value:.2g}" if proof.p_value >= SMALLEST_P else "< 0.0001",
                    )
                    for proof in proofs
                ),
                total=len(proofs),
            ),
        ),
    )


METRIC_NAMES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
SMALLEST_P = 0.0001


def percent(estimate: Estimate) -> str:
    """A share in per cent with its interval: "81.2 % (77.5 to 84.4)"."""
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def points(estimate: Estimate) -> str:
    """A difference in percentage points with its interval: "+5.0 (+1.2 to +8.9)"."""
    return f"{100 * estimate.value:+.1f} ({100 * estimate.low:+.1f} to {100 * estimate.high:+.1f})"


MASK = "What is trained on"


def no_mask(reason: str) -> Section:
    """Why no row is shown as tokens."""
    return Section(id="mask", title=MASK, text=f"not shown: {reason}")


def token_mask(batch: Batch, count: int) -> Section:
    """Rows of the training batch as tokens, trained and not: a typical one, the longest and so on.

    Padding at either end of a row is left out: it says nothing but how long the others are.
    """
    sample = batch.train
    rows = sorted(sample.rows, key=lambda row: int(row.attended.sum()))
    middle = rows[len(rows) // 4 : len(rows) - len(rows) // 4] or rows
    spread = [rows[-1], rows[0]] if len(rows) > 1 else []
    typical = [row for row in middle if row not in spread]
    chosen = [*typical[:1], *spread, *typical[1:]][:count]
    tokens = tuple(_row_tokens(row) for row in chosen)
    trained = sum(sum(row.trained) for row in tokens)
    total = sum(len(row.pieces) for row in tokens)
    return Section(
        id="mask",
        title=MASK,
        text=f"{trained:,} of {total:,} tokens of {counted(len(tokens), 'row')}, "
        f"after {batch.collator}"
        if tokens
        else "the collator gave no rows of tokens",
        evidence=tokens,
    )


def _row_tokens(row: BatchRow) -> Tokens:
    seen = np.flatnonzero(row.attended)
    places = slice(int(seen[0]), int(seen[-1]) + 1) if len(seen) else slice(0, 0)
    same = row.labels is not None and len(row.labels) == len(row.ids)
    trained = row.trained if same else np.zeros(len(row.ids), dtype=np.bool_)
    name = "packed row" if row.index is None else f"row {row.index:,}"
    if row.role != "row":
        name = f"{name}, {row.role}"
    return Tokens(
        name=name,
        pieces=row.pieces[places],
        trained=tuple(bool(value) for value in trained[places]),
    )
