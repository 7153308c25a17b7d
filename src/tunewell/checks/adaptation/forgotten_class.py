"""ADA004: a class that the current model knows and the candidate has lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import Category, Classes, Finding, Fix, Number, Safety, Severity, Table
from tunewell.stats.multiple import holm
from tunewell.stats.paired import mcnemar
from tunewell.subjects.evaluation import EvaluationPair


@check("ADA004", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("C01",))
def forgotten_class(
    pair: EvaluationPair, *, alpha: float = 0.01, min_loss: float = 0.2
) -> Iterator[Finding]:
    """Classes whose rows the current model gets right and the candidate does not.

    ## What it finds
    Classes whose recall falls by at least `min_loss` and by more than chance.

    ## Why it matters
    A model that is retrained on new rows forgets what they do not show. The overall score can rise
    while one class is lost, and the users of that class lose everything.

    ## How it is measured
    For each class McNemar's exact test on its rows, with Holm's correction over all classes, so
    that many classes do not mean many false alarms. `alpha` is 0.01. `min_loss` is a fifth of the
    class: less is a shift between neighbours, not forgetting.

    ## Example
    Retrained without old rows, "card lost" falls from 95 % to 10 % of its rows.

    ## Fix
    Keep old rows of the class in the training data.

    ## When it is wrong
    When the class was given up on purpose.

    ## Sources
    McCloskey and Cohen 1989; McNemar 1947; Holm 1979. Fault C01 of the catalogue.
    """
    given = pair.baseline.given
    was, now = pair.baseline.correct, pair.candidate.correct
    classes = np.unique(given)
    p_values: list[float] = []
    scores: list[tuple[str, int, float, float]] = []
    for number in classes.tolist():
        mine = given == number
        fixed, broke = int((mine & ~was & now).sum()), int((mine & was & ~now).sum())
        p_values.append(mcnemar(fixed, broke) if broke > fixed else 1.0)
        rows = int(mine.sum())
        before, after = float(was[mine].mean()), float(now[mine].mean())
        scores.append((pair.baseline.label_names[number], rows, before, after))
    adjusted = holm(p_values)
    lost = [
        (*score, float(p))
        for score, p in zip(scores, adjusted, strict=True)
        if p <= alpha and score[2] - score[3] >= min_loss
    ]
    if not lost:
        return
    lost.sort(key=lambda row: (row[3] - row[2], row[0]))
    name, rows, before, after, p_value = lost[0]
    others = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
    noun = "a class" if len(lost) == 1 else f"{len(lost)} classes"
    yield Finding(
        message=(
            f"the candidate has forgotten {noun}: {name} falls from {100 * before:.0f} % to "
            f"{100 * after:.0f} % of {rows:,} rows{others}"
        ),
        where=(Classes(names=tuple(row[0] for row in lost)),),
        evidence=(
            Number(name="largest loss", value=100 * (before - after), unit="%"),
            Number(name="its p-value after Holm", value=p_value, bound=f"above {alpha:g}"),
            Table(
                name="forgotten classes",
                columns=("class", "rows", "current %", "candidate %", "p"),
                rows=tuple(
                    (n, r, round(100 * b, 1), round(100 * a, 1), round(p, 5))
                    for n, r, b, a, p in lost
                ),
                total=len(lost),
            ),
        ),
        impact="users of the class lose what worked",
        fixes=(Fix(title="keep old rows of the class in training", safety=Safety.MANUAL),),
    )
