"""DAT016: questions of a benchmark that the training data holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    DropRows,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.leakage.judged import asked, bends_score, distinct, reworded, whole
from tunewell.facts.leakage.runs import SHORTEST, shared_runs
from tunewell.facts.parts import places, questions
from tunewell.subjects.benchmark import Benchmark
from tunewell.subjects.dataset import Dataset

EXAMPLES = 3


@check(
    "DAT016",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("D33",),
)
def benchmark_contamination(
    dataset: Dataset,
    benchmark: Benchmark,
    *,
    error_share: float = 0.01,
    copied: float = 0.8,
    false_share: float = 0.05,
) -> Iterator[Finding]:
    """Questions of a benchmark that are in the training data, word for word or reworded.

    ## What it finds
    Questions of the file given with `--benchmark` that the training data holds: as they stand,
    inside a longer row (answers included), or in other words.

    ## Why it matters
    A score on questions that were trained on says what was remembered. It cannot be compared with
    the scores of other models, and the difference is not seen in the run.

    ## How it is measured
    As they stand: equal without case, punctuation marks and white space. Inside a row: at least
    `copied` (80 %) of the question's words stand in runs of 13 words that a training row shares (a
    question of 10 to 12 words as a whole); runs that stand in more than 10 rows are templates and
    do not count. Reworded: by the rule of `paraphrased-leakage`, with the same
    `false_share` (5 %). It is an error when the first two kinds make up more than
    `error_share` (1 %) of the questions and more than the sampling error of the score (half the
    95 % interval of an accuracy of 0.9); else a warning.

    Measured with GSM8K: of its 1,319 test questions none is found in its training data; of the
    same questions reworded by a language model and hidden there 93 %; of 300 hidden behind
    "Solve:" all.

    ## Example
    `Q: Janet's ducks lay 16 eggs per day. She eats three for breakfast ... A:` in train.jsonl.

    ## Fix
    Drop the rows from the training data, or do not report that benchmark.

    ## When it is wrong
    When the benchmark quotes public text (a law, a passage of an encyclopaedia) that the training
    data quotes too. Few rewordings, and those of texts without numbers, are mostly missed.

    ## Sources
    Fault D33 of the catalogue; Brown et al. 2020, appendix C; Yang et al. 2023, "Rethinking
    Benchmark and Contamination for Language Models with Rephrased Samples".
    """
    train = dataset.train
    judged, known, rows = distinct(benchmark.texts), asked(train), whole(train)
    of_row = judged.of_row
    trained = {text: at for at, text in enumerate(known.texts)}
    same = np.array([trained.get(text, -1) for text in judged.texts], dtype=np.int64)
    runs = shared_runs(judged.texts, rows.texts, shortest=SHORTEST)
    inside = (runs.covered >= copied) & (same < 0)
    other = reworded(judged, known, false_share=false_share)
    new = ~inside[of_row[other.row]]
    partners: dict[int, int] = {}
    kinds: dict[int, str] = {}
    for row in np.flatnonzero(of_row >= 0).tolist():
        at = of_row[row]
        if same[at] >= 0:
            partners[row], kinds[row] = int(known.first[same[at]]), "as it stands"
        elif inside[at]:
            partners[row], kinds[row] = int(rows.first[runs.partner[at]]), "inside a row"
    for row, partner in zip(other.row[new].tolist(), other.partner[new].tolist(), strict=True):
        partners[row], kinds[row] = partner, "reworded"
    if not partners:
        return
    counts = {kind: list(kinds.values()).count(kind) for kind in dict.fromkeys(kinds.values())}
    total = int((of_row >= 0).sum())
    share = len(partners) / total
    certain = (len(partners) - counts.get("reworded", 0)) / total
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    drop = np.isin(known.of_row, same[same >= 0])
    held = runs.pairs[inside[runs.pairs[:, 0]], 1]
    drop |= np.isin(rows.of_row, held)
    drop |= np.isin(known.of_row, known.of_row[other.partner[new]])
    drop_rows = tuple(np.flatnonzero(drop).tolist())
    texts = questions(train)
    order = sorted(partners, key=lambda row: (list(counts).index(kinds[row]), row))
    shown = [
        row for kind in counts for row in [row for row in order if kinds[row] == kind][:EXAMPLES]
    ]
    yield Finding(
        message=(
            f"{len(partners):,} of {counted(total, 'question')} of {benchmark.name} "
            f"({100 * share:.1f} %) are in the training data: {told}"
        ),
        where=places(train, [partners[row] for row in order]),
        evidence=(
            Number(
                name="questions as they stand or inside a row",
                value=100 * certain,
                unit="%",
                bound=f"an error above {100 * error_share:g} % and the score's sampling error",
            ),
            Table(
                name="questions and training rows",
                columns=("how", "benchmark line", "question", "train line", "train text"),
                rows=tuple(
                    (
                        kinds[row],
                        int(benchmark.lines[row]),
                        benchmark.texts[row],
                        int(train.lines[partners[row]]),
                        texts[partners[row]],
                    )
                    for row in shown
                ),
                total=len(partners),
            ),
        ),
        impact=f"a score on {benchmark.name} counts questions that were trained on",
        fixes=(
            Fix(
                title=f"drop {counted(len(drop_rows), 'row')} from the training data",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=drop_rows),),
            ),
        ),
        severity=(
            Severity.ERROR if bends_score(certain, total, least=error_share) else Severity.WARNING
        ),
        confidence=Confidence.HIGH if certain else Confidence.MEDIUM,
    )
