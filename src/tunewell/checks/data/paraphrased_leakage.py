"""DAT015: rows that judge the model and that the training data says in other words."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Row,
    Safety,
    Severity,
    Table,
)
from tunewell.facts.leakage.judged import FEWEST_KNOWN, asked, reworded
from tunewell.facts.parts import places, questions, require_judged
from tunewell.subjects.dataset import Dataset

EXAMPLES = 5


@check(
    "DAT015",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("D33",),
)
def paraphrased_leakage(
    dataset: Dataset, *, false_alarms: float = 0.01, false_share: float = 0.05, fewest: int = 3
) -> Iterator[Finding]:
    """Evaluation or test rows that a training row says in other words.

    ## What it finds
    Rows of the evaluation and test splits whose question is also in the training data, reworded:
    the same story, numbers and rare words in other sentences. Copies with small edits are among
    them. Of instructions, chats and preference pairs what the user asks is compared, of
    classification the text.

    ## Why it matters
    The model has seen the answer to these rows. No comparison of exact texts or word runs sees it:
    of the 1,319 GSM8K test questions that a language model reworded, 1.2 % share ten words in a
    row with the training data that holds them.

    ## How it is measured
    A text is known by its word stems and numbers, weighted by how rare they are; a row's partner is
    the training row with the largest cosine. A copy stands out from the next nearest rows, a row on
    the same topic does not. How far unrelated rows stand out is measured on the training rows of
    like length near by, each against all others: at most `false_alarms` (1 %) of them may stand out
    as far as a named row, and about `false_share` (5 %) of the named rows may be chance (Benjamini
    and Hochberg). So nothing is said on short messages that are all alike. Fewer than `fewest` (3)
    such rows are not told.

    Of the 1,319 reworded GSM8K rows, hidden in the 7,473 training rows, 93 % are named, in 5 s on
    one core; of 130 hidden ones 113, of 13 seven. Without any hidden one no test row is named, and
    none of BANKING77, CLINC150 and a random split of Alpaca (`benchmarks/paraphrase.py`). The
    weights were chosen on the same reworded rows.

    ## Example
    `James runs 3 sprints 3 times a week, 60 meters each.` and `Thrice weekly James does 3 sprints;
    each covers 60 meters.`

    ## Fix
    Read the pairs, then drop the partners from the training data.

    ## When it is wrong
    When rows were made from one template with the same numbers. It misses half of few
    rewordings (1 % of the rows), two thirds of those without numbers (GSM8K with its numbers taken
    out), and all where the training data is itself full of rewordings.

    ## Sources
    Fault D33 of the catalogue; Yang et al. 2023, "Rethinking Benchmark and Contamination for
    Language Models with Rephrased Samples"; Conneau et al. 2018 on local scaling; Bates et al.
    2023 on conformal p values.
    """
    require_judged(dataset)
    train = dataset.train
    if len(asked(train).texts) < FEWEST_KNOWN:
        reason = f"fewer than {FEWEST_KNOWN} different training rows show nothing"
        raise NotApplicableError(reason)
    places_found: list[Row] = []
    examples: list[tuple[str | float | int | None, ...]] = []
    numbers: list[Number] = []
    told: list[str] = []
    trained = questions(train)
    for split in dataset.splits[1:]:
        found = reworded(
            asked(split),
            asked(train),
            false_alarms=false_alarms,
            false_share=false_share,
            fewest=fewest,
        )
        rows = found.row
        if not len(rows):
            continue
        share = 100 * len(rows) / len(split)
        told.append(f"{len(rows):,} of {len(split):,} {split.name} rows ({share:.1f} %)")
        numbers.append(
            Number(
                name=f"{split.name} rows said again in the training data",
                value=share,
                unit="%",
                bound=f"chance names at most {100 * false_alarms:g} % of rows",
            )
        )
        places_found += places(split, rows)
        judged = questions(split)
        examples += [
            (
                split.name,
                split.lines[row],
                judged[row],
                train.lines[partner],
                trained[partner],
                round(similarity, 2),
            )
            for row, partner, similarity in zip(
                rows[:EXAMPLES].tolist(),
                found.partner[:EXAMPLES].tolist(),
                found.similarity[:EXAMPLES].tolist(),
                strict=True,
            )
        ]
    if not places_found:
        return
    yield Finding(
        message=(
            f"{' and '.join(told)} are said again in the training data, in other words or with "
            "small edits"
        ),
        where=tuple(places_found),
        evidence=(
            *numbers,
            Table(
                name="rows and their partners",
                columns=("split", "line", "text", "train line", "train text", "similarity"),
                rows=tuple(examples),
                total=len(places_found),
            ),
        ),
        impact="the score counts rows whose answer the model was shown in other words",
        fixes=(
            Fix(
                title="read the pairs and drop the partners from the training data",
                safety=Safety.MANUAL,
            ),
        ),
    )
