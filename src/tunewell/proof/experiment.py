"""The matched experiment: control against change, seed by seed, until it is decided."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from scipy.special import ndtr, ndtri

from tunewell.core.errors import SettingsError
from tunewell.core.progress import Progress, Silent
from tunewell.core.proof import Proof, Verdict
from tunewell.proof.compare import SEED_SPREAD, judge
from tunewell.proof.scores import METRIC_NAMES, Metric, row_scores
from tunewell.subjects.evaluation import Evaluation

MIN_SEEDS = 2
"""Seeds before the first look, where more than one was given: one run may have collapsed."""


def prove(  # noqa: PLR0913  the settings of an experiment
    control: Callable[[int], Evaluation],
    change: Callable[[int], Evaluation],
    *,
    title: str,
    seeds: Sequence[int],
    metric: Metric = "accuracy",
    alpha: float = 0.05,
    comparisons: int = 1,
    progress: Progress | None = None,
    stop_early: bool = True,
    margin: float = 0.01,
    worth: float = 0.005,
    seed_spread: float = SEED_SPREAD,
) -> Proof:
    """Train both sides once a seed and say what the change did.

    With `stop_early` the result is looked at after the second seed and after each further one.
    Each look spends its own part of alpha (O'Brien and Fleming's spending function, the parts
    added up without regard to their dependence), so that all looks together keep the chance of a
    false answer below alpha. The experiment also ends as soon as the change does not lead: that
    can cost a good change, but can never make a bad one better.

    Args:
        control: evaluates the control trained with a seed; results are asked for once a seed.
        change: the same for the change, on the same rows in the same order.
        title: what is tried, for the report.
        seeds: seeds of the runs, at most so many. With one, the spread from seed to seed cannot
            be measured and `seed_spread` alone stands for it.
        metric: what decides.
        alpha: chance of a false "better" or "worse" that is accepted over all looks.
        comparisons: how many such experiments are made in all; alpha is shared among them.
        progress: told one line a seed.
        stop_early: whether to stop before all seeds are used.
        margin: differences surely smaller than this count as equivalent.
        worth: a difference smaller than this is never called better or worse.
        seed_spread: standard deviation of the metric from seed to seed expected beforehand.

    Raises:
        InputError: if the two sides do not judge the same rows.
        SettingsError: if there are no seeds.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        message = "a proof needs at least one seed, each only once"
        raise SettingsError(message)
    progress = progress or Silent()
    began = time.perf_counter()
    looks = looks_of(len(seeds), stop_early=stop_early)
    levels = spend(alpha / comparisons, looks, len(seeds))
    controls: list[Evaluation] = []
    changes: list[Evaluation] = []
    for done, seed in enumerate(seeds, start=1):
        controls.append(control(seed))
        changes.append(change(seed))
        progress.note(_told(title, metric, done, len(seeds), controls[-1], changes[-1]))
        if done not in looks:
            continue
        proof = judge(
            controls,
            changes,
            title=title,
            metric=metric,
            alpha=levels[done],
            margin=margin,
            worth=worth,
            seeds=seeds[:done],
            seed_spread=seed_spread,
        )
        decided = proof.verdict in (Verdict.BETTER, Verdict.WORSE, Verdict.EQUIVALENT)
        if decided or proof.difference.value <= 0:
            break
    return msgspec.structs.replace(proof, seconds=time.perf_counter() - began)


def looks_of(seeds: int, *, stop_early: bool) -> tuple[int, ...]:
    """After how many seeds the result is looked at; the last look is after all of them."""
    return tuple(range(min(MIN_SEEDS, seeds), seeds + 1)) if stop_early else (seeds,)


def spend(alpha: float, looks: Sequence[int], seeds: int) -> dict[int, float]:
    """The level of each look; together they are `alpha`.

    Source: O'Brien and Fleming 1979 in the form of Lan and DeMets 1983.
    """
    shares = np.asarray(looks, dtype=np.float64) / seeds
    spent = 2 * ndtr(float(ndtri(alpha / 2)) / np.sqrt(shares))
    return dict(zip(looks, np.diff(spent, prepend=0.0).tolist(), strict=True))


def _told(
    title: str, metric: Metric, done: int, of: int, control: Evaluation, change: Evaluation
) -> str:
    before = 100 * float(row_scores([control], metric).mean())
    after = 100 * float(row_scores([change], metric).mean())
    return (
        f"{title}: seed {done} of {of}: {METRIC_NAMES[metric]} {before:.1f} % under control, "
        f"{after:.1f} % under the change"
    )
