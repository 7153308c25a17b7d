"""HYP051: the run's own shape says that its learning rate was too high."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
    Text,
)
from tunewell.facts.curves import (
    Values,
    evidence,
    higher,
    is_reward_training,
    noise,
    start_level,
    training_loss,
)
from tunewell.facts.layers import UPDATE, sampled
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Trace

SURE = 0.001
FIRST_STEPS = 5
LARGE_STEP = 0.1
"""A tenth of a layer's weights in one step: after ten such steps nothing of it need be left."""


@check(
    "HYP051",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O01",),
)
def learning_rate_too_high(  # noqa: PLR0913  each is an option
    trace: Trace,
    recipe: Recipe | None,
    *,
    min_left: float = 0.7,
    min_jump: float = 1.2,
    min_scatter: float = 2.0,
    min_norm: float = 3.0,
    min_blow: float = 2.0,
    min_signs: int = 2,
    min_points: int = 40,
) -> Iterator[Finding]:
    """A loss that leaps early, swings ever wider, and hardly ends below where it began.

    ## What it finds
    A run that did not learn and shows at least two signs of steps that are too large: an early
    leap of the loss, scatter that grows, gradient norms that grow, updates of a tenth of the
    weights.

    ## Why it matters
    The steps jump over what they look for. The same run at a lower rate learns.

    ## How it is measured
    Relative to the run alone. The mean loss of the last third is at least `min_left` of the first
    level (0.7). Signs: the rest of the first third is `min_jump` times the first twentieth of the
    losses, at least five of them (1.2), higher by ranks with a chance below 5 in 1,000; the scatter
    of the later half is `min_scatter` times that of the first quarter (2); the median gradient norm
    of the later half is `min_norm` times that of the first twentieth (3), higher by ranks with a
    chance below 1 in 1,000; the watcher's median update ratio of the later half is 0.1 or more.
    Where the watcher saw the very first steps, two other signs do, also if the loss came down again
    to 0.7 of its first value: each of the five losses after the first is `min_blow` times the first
    (2), which no update had touched, and the first sampled update changed a typical layer by 0.1 of
    its weights or more.
    There must be `min_signs` of them (2: each alone occurs in healthy runs, with small batches or
    adapters) and `min_points` logs (40). On level runs made by chance, of 12 to 1,000 logs and
    seven kinds of scatter, it spoke on 1 in 200 of one kind.

    ## Example
    Loss 2.1, 4.6, 3.9 ... 2.4, each batch between 0.1 and 6, gradient norms from 2 to 15.

    ## Fix
    A tenth of the learning rate, with warm-up.

    ## When it is wrong
    When the rows get harder during the run.

    ## Sources
    Fault O01 of the catalogue. The bounds are judgements, held against the runs in
    tests/fixtures/runs.
    """
    losses, signs = training_loss(trace), _blown_up(trace, min_blow, min_left)
    if is_reward_training(trace) or (len(losses) < min_points and not signs):
        message = f"it takes {min_points} logged losses of supervised training"
        raise NotApplicableError(message)
    values = losses.values
    first, last = start_level(values), float(values[-(len(values) // 3) :].mean())
    if signs:
        first = float(trace.column("step_loss").values[0])
    elif first > 0 and last >= min_left * first:
        signs = [
            sign
            for sign in (
                _leap(values, min_jump),
                _scatter(values, min_scatter),
                _norms(trace, min_norm),
                _updates(trace),
            )
            if sign
        ]
    if len(signs) < min_signs:
        return
    norms = trace.column("grad_norm").finite
    yield Finding(
        message=(
            f"the learning rate is too high for this run: {'; '.join(signs)}; and the loss of the "
            f"last third is {last:.3g}, after {first:.3g} at the beginning"
        ),
        where=(Steps(metric="loss", first=int(losses.steps[0]), last=int(losses.steps[-1])),),
        evidence=(
            evidence("loss", losses),
            *((evidence("grad_norm", norms),) if len(norms) else ()),
            Number(
                name="mean loss of the last third against the first level",
                value=100 * last / first,
                unit="%",
                bound=f"below {100 * min_left:.0f} %",
            ),
            Text(name="signs", text="; ".join(signs)),
        ),
        impact="the run learned nothing that a lower rate would not have learned sooner",
        fixes=_fixes(recipe),
    )


def _blown_up(trace: Trace, min_blow: float, min_left: float) -> list[str]:
    """Both signs of a model that the first steps destroyed, or none."""
    losses = trace.column("step_loss").finite
    if len(losses) <= FIRST_STEPS or int(losses.steps[0]) != 1 or losses.values[0] <= 0:
        return []
    first, then = float(losses.values[0]), losses.values[1 : 1 + FIRST_STEPS]
    late = float(losses.values[-(len(losses) // 3) :].mean())
    updates = [float(column.values[0]) for column in sampled(trace, UPDATE).values()]
    typical = float(np.median(updates)) if updates else 0.0
    if then.min() < min_blow * first or late < min_left * first or typical < LARGE_STEP:
        return []
    return [
        f"the first updates took the loss from {first:.3g} to {float(np.median(then)):.3g}",
        f"one of them changed a typical layer by {100 * typical:.0f} % of its weights",
    ]


def _leap(values: Values, min_jump: float) -> str:
    start = max(5, len(values) // 20)
    first, rest = values[:start], values[start : len(values) // 3]
    began, then = float(np.median(first)), float(np.median(rest))
    if then < min_jump * began or higher(first, rest) > 5 * SURE:
        return ""
    return f"the loss rose from {began:.3g} to {then:.3g} within the first third"


def _scatter(values: Values, min_scatter: float) -> str:
    early, late = noise(values[: max(8, len(values) // 4)]), noise(values[len(values) // 2 :])
    if late < min_scatter * early or not early:
        return ""
    return f"its scatter grew from {early:.2g} to {late:.2g}"


def _norms(trace: Trace, min_norm: float) -> str:
    norms = trace.column("grad_norm").finite.values
    early, late = norms[: max(4, len(norms) // 20)], norms[len(norms) // 2 :]
    if len(norms) < 40:  # noqa: PLR2004  as many as losses
        return ""
    before, after = float(np.median(early)), float(np.median(late))
    if after < min_norm * before or higher(early, late) > SURE:
        return ""
    return f"gradient norms grew from {before:.3g} to {after:.3g}"


def _updates(trace: Trace) -> str:
    middles = [
        float(np.median(column.values[len(column) // 2 :]))
        for column in sampled(trace, UPDATE).values()
    ]
    typical = float(np.median(middles)) if middles else 0.0
    if typical < LARGE_STEP:
        return ""
    return f"a step changes a typical layer by {100 * typical:.0f} % of its weights"


def _fixes(recipe: Recipe | None) -> tuple[Fix, ...]:
    title = "a tenth of the learning rate, with warm-up"
    if recipe is None:
        return (Fix(title=title, safety=Safety.MANUAL),)
    edits = [change(recipe, "learning_rate", recipe.learning_rate / 10)]
    if recipe.warmup_ratio == 0:
        edits.append(change(recipe, "warmup_ratio", 0.1))
    return (Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits)),)
