"""Is one model, or one way of training, better than another on the same rows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tunewell.core.proof import Estimate, Proof, Verdict
from tunewell.proof.scores import METRIC_NAMES, Metric, matched, row_scores
from tunewell.stats.intervals import wilson
from tunewell.stats.paired import Effect, paired_effect, rows_needed
from tunewell.subjects.evaluation import Evaluation

SEED_SPREAD = 0.015
"""Standard deviation of accuracy from seed to seed expected before any is measured: 1.5 points.

Fine-tuned encoders on small sets spread by 0.3 to 2 points where no run collapses (Dodge et al.
2020, Mosbach et al. 2021). docs/design/0002-proof.md shows what happens where it is wrong.
"""

MIN_DISCORDANT = 10
"""Rows that must differ before anything is called better or worse."""

MIN_POWER_ROWS = 30
"""Fewer evaluation rows than this decide nothing, whatever they say."""


def compare(  # noqa: PLR0913  the settings of one decision
    baseline: Evaluation | Sequence[Evaluation],
    candidate: Evaluation | Sequence[Evaluation],
    *,
    title: str,
    metric: Metric = "accuracy",
    alpha: float = 0.05,
    comparisons: int = 1,
    margin: float = 0.01,
    worth: float = 0.005,
) -> Proof:
    """Compare two sides on the same rows in the same order.

    One evaluation a side compares the two models at hand. Several, one a seed, compare two ways
    of training, and then another seed is part of the chance that is allowed for.

    Args:
        baseline: the side in use; several are runs that differ in their seed.
        candidate: the side that may replace it, run by run beside `baseline`.
        title: what is compared, for the report.
        metric: what decides.
        alpha: chance of a false "better" or "worse" that is accepted.
        comparisons: how many such questions are asked in all; alpha is shared among them.
        margin: differences surely smaller than this count as equivalent.
        worth: a difference smaller than this is never called better or worse.

    Raises:
        InputError: if the sides do not judge the same rows.
    """
    one = [baseline] if isinstance(baseline, Evaluation) else list(baseline)
    two = [candidate] if isinstance(candidate, Evaluation) else list(candidate)
    return judge(
        one,
        two,
        title=title,
        metric=metric,
        alpha=alpha / comparisons,
        margin=margin,
        worth=worth,
        seeds=(),
        seed_spread=None if len(one) == 1 else SEED_SPREAD,
    )


def judge(  # noqa: PLR0913  the settings of one decision, passed on as they are
    baseline: Sequence[Evaluation],
    candidate: Sequence[Evaluation],
    *,
    title: str,
    metric: Metric,
    alpha: float,
    margin: float,
    worth: float,
    seeds: Sequence[int],
    seed_spread: float | None,
) -> Proof:
    """One decision at level `alpha`; `compare` and `prove` share it."""
    control_runs, change_runs = matched(baseline, candidate)
    control, change = row_scores(control_runs, metric), row_scores(change_runs, metric)
    effect = paired_effect(control, change, seed_spread=seed_spread)
    was_right = np.stack([run.correct for run in control_runs], axis=1)
    is_right = np.stack([run.correct for run in change_runs], axis=1)
    fixed, broke = int((~was_right & is_right).sum()), int((was_right & ~is_right).sum())
    rows = len(control_runs[0])
    discordant = int((was_right != is_right).any(axis=1).sum())
    verdict = _verdict(effect, rows, discordant, alpha=alpha, margin=margin, worth=worth)
    deviation = float((change - control).mean(axis=1).std())
    wanted = None
    if verdict is Verdict.NOT_ENOUGH:
        wanted = _wanted(effect, rows, deviation, alpha=alpha, margin=margin, worth=worth)
    low, high = (float(np.clip(end, -1.0, 1.0)) for end in effect.interval())
    name = METRIC_NAMES[metric]
    proof = Proof(
        title=title,
        verdict=verdict,
        sentence="",
        metric=metric,
        control=_estimate(f"{name} of the control", control, metric),
        change=_estimate(f"{name} of the change", change, metric),
        difference=Estimate(name=f"difference in {name}", value=effect.value, low=low, high=high),
        p_value=effect.p_value,
        fixed=fixed,
        broke=broke,
        rows=rows,
        seeds=tuple(seeds),
        rows_needed=wanted,
    )
    return _with_sentence(proof, name, runs=len(control_runs), margin=margin, worth=worth)


def _verdict(
    effect: Effect, rows: int, discordant: int, *, alpha: float, margin: float, worth: float
) -> Verdict:
    decidable = discordant >= MIN_DISCORDANT and rows >= MIN_POWER_ROWS
    if decidable and effect.p_value <= alpha and abs(effect.value) >= worth:
        return Verdict.BETTER if effect.value > 0 else Verdict.WORSE
    if rows >= MIN_POWER_ROWS and effect.equivalent(margin, alpha=alpha):
        return Verdict.EQUIVALENT
    if not decidable or abs(effect.value) >= worth:
        return Verdict.NOT_ENOUGH
    return Verdict.NO_DIFFERENCE


def _wanted(
    effect: Effect, rows: int, deviation: float, *, alpha: float, margin: float, worth: float
) -> int | None:
    """Rows that would decide; None where more rows alone cannot."""
    if abs(effect.value) < worth:
        # Too small to act on: what is missing is the certainty that it is no more than that.
        wanted = rows_needed(margin, max(deviation, 1 / math.sqrt(rows)), alpha=2 * alpha)
    elif effect.rows_only <= alpha:
        return None
    else:
        wanted = rows_needed(effect.value, deviation, alpha=alpha)
    return None if wanted is None else max(wanted, rows + 1)


def _estimate(name: str, scores: NDArray[np.float64], metric: Metric) -> Estimate:
    """The mean over seeds with an interval over rows; several seeds are not more rows."""
    by_row = scores.mean(axis=1)
    value = float(by_row.mean())
    if metric == "accuracy":
        ends = wilson(value * len(by_row), len(by_row))
        return Estimate(name=name, value=value, low=float(ends[0]), high=float(ends[1]))
    half = 1.96 * float(by_row.std(ddof=1) if len(by_row) > 1 else 1.0) / math.sqrt(len(by_row))
    return Estimate(name=name, value=value, low=max(value - half, 0.0), high=min(value + half, 1.0))


def _with_sentence(proof: Proof, name: str, *, runs: int, margin: float, worth: float) -> Proof:
    difference = proof.difference
    direction = "rose" if difference.value > 0 else "fell"
    subject = name[0].upper() + name[1:]
    moved = (
        f"{subject} stayed at {100 * proof.control.value:.1f} %"
        if abs(difference.value) < 0.0005  # noqa: PLR2004  shown as 0.0 points
        else f"{subject} {direction} from {100 * proof.control.value:.1f} % to "
        f"{100 * proof.change.value:.1f} % ({100 * difference.value:+.1f} points, 95 % interval "
        f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f})"
    )
    seeds = f" with {runs} seeds" if runs > 1 else ""
    flips = f"{proof.fixed:,} answers repaired, {proof.broke:,} broken, {_p(proof.p_value)}"
    text = f"{moved} on {proof.rows:,} rows{seeds}: {flips}. {_tail(proof, runs, margin, worth)}"
    return msgspec.structs.replace(proof, sentence=text)


def _tail(proof: Proof, runs: int, margin: float, worth: float) -> str:
    if proof.verdict is Verdict.BETTER:
        return "The change is better."
    if proof.verdict is Verdict.WORSE:
        return "The change is worse."
    if proof.verdict is Verdict.EQUIVALENT:
        return (
            f"The two are equivalent: they differ by less than {100 * margin:g} percentage points."
        )
    if proof.verdict is Verdict.NO_DIFFERENCE:
        return f"No difference of {100 * worth:g} percentage points or more was shown."
    if proof.rows_needed is not None:
        return (
            f"That is not enough to tell: about {proof.rows_needed:,} evaluation rows would be "
            f"needed."
        )
    more = "more seeds" if runs > 1 or proof.seeds else "more rows"
    return f"That is not enough to tell: {more} would be needed."


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"  # noqa: PLR2004  shown so
