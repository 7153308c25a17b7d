"""FIT045: gradient norms that grow far above the run's own early ones while the loss gets worse."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
    Table,
)
from tunewell.facts.curves import (
    Values,
    change_point,
    evidence,
    higher,
    is_reward_training,
    start_level,
    training_loss,
)
from tunewell.facts.layers import GRADIENT, sampled
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace

SURE = 0.001


@check(
    "FIT045",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O01",),
)
def gradients_explode(
    trace: Trace, recipe: Recipe | None, *, min_ratio: float = 4.0, min_points: int = 20
) -> Iterator[Finding]:
    """Gradient norms that grow many times over while the loss rises from its lowest.

    ## What it finds
    A run whose later gradient norms lie far above its early ones, with a loss that got worse at the
    same time, and the layers where they grew most.

    ## Why it matters
    The weights move into a steep region; the next large step throws them out of it. Clipping limits
    the step and hides the growth from the loss for a while, not from the norm.

    ## How it is measured
    Relative to the run alone, as norms of different models differ a thousandfold. The median of the
    last quarter of the logged norms must be `min_ratio` times that of the second tenth to the third
    (4; norms of the 26 sound runs in tests/fixtures/runs grew at most 2.3 times; the first tenth is
    left to the warm-up), higher by ranks with a chance below 1 in 1,000. The loss of the last
    quarter must be higher by ranks than its lowest quarter, just as surely, and its median above it
    by a tenth of the run's first level: gradients that grow while the loss falls belong to rows
    that are nearly learned, and to adapters whose second matrix begins at 0. At least `min_points`
    logs (20).

    ## Example
    Norms 0.9 at step 100, 14 at step 800; loss 0.8 at step 300, 1.9 at step 800.

    ## Fix
    A third of the learning rate, a longer warm-up, gradients clipped at 1.

    ## When it is wrong
    When harder or longer rows come later in the run, as in a curriculum.

    ## Sources
    Fault O01 of the catalogue. The other bounds are judgements.
    """
    norms, losses = trace.column("grad_norm").finite, training_loss(trace)
    if is_reward_training(trace) or min(len(norms), len(losses)) < min_points:
        message = f"it takes {min_points} logged gradient norms and losses of supervised training"
        raise NotApplicableError(message)
    early = norms.values[len(norms) // 10 : 3 * len(norms) // 10 + 1]
    late = norms.values[-(len(norms) // 4) :]
    before, after = float(np.median(early)), float(np.median(late))
    if before <= 0 or after < min_ratio * before or higher(early, late) > SURE:
        return
    quarters = np.array_split(losses.values, 4)
    best = min(quarters, key=lambda quarter: float(np.median(quarter)))
    rise = float(np.median(quarters[-1]) - np.median(best))
    if rise < 0.1 * start_level(losses.values) or higher(best, quarters[-1]) > SURE:
        return
    grown = _grown(trace)
    since = int(norms.steps[change_point(norms.values) or 0])
    most = f", most in {grown[0][0]}" if grown else ""
    yield Finding(
        message=(
            f"gradient norms grew from {before:.3g} to {after:.3g}{most}, above all from step "
            f"{since:,} on, while the loss rose from "
            f"{np.median(best):.3g} to {np.median(quarters[-1]):.3g}"
        ),
        where=(Steps(metric="grad_norm", first=int(norms.steps[0]), last=int(norms.steps[-1])),),
        evidence=(
            evidence("grad_norm", norms, Mark(step=since, text="from here")),
            evidence("loss", losses),
            Number(name="growth of gradient norms", value=after / before, bound=f"{min_ratio:g}"),
            *(
                (
                    Table(
                        name="layers whose gradient grew most",
                        columns=("layer", "times"),
                        rows=grown,
                        total=len(grown),
                    ),
                )
                if grown
                else ()
            ),
        ),
        impact="the next steps may throw away what was learned",
        fixes=_fixes(recipe),
    )


def _grown(trace: Trace) -> tuple[tuple[str, float], ...]:
    """Layers with how many times their gradient grew, the most first."""
    found = []
    for name, column in sampled(trace, GRADIENT).items():
        early, late = _ends(column)
        if len(early) and np.median(early) > 0:
            found.append((name, float(np.median(late) / np.median(early))))
    return tuple(sorted(found, key=lambda pair: -pair[1])[:10])


def _ends(column: Column) -> tuple[Values, Values]:
    size = max(1, len(column) // 4)
    return column.values[:size], column.values[-size:]


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    title = "a third of the learning rate, a longer warm-up, gradients clipped at 1"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edits = [change(recipe, "learning_rate", recipe.learning_rate / 3)]
    if not 0 < recipe.max_grad_norm <= 1:
        edits.append(change(recipe, "max_grad_norm", 1.0))
    return (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)),)
