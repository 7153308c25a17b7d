"""FIT077: a reward that rises while what it stands for falls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence, start_level
from tunewell.facts.policy_runs import components, logged, name_of, require_rewards
from tunewell.stats.levels import Change, change
from tunewell.subjects.trace import Column, Trace

LARGER_IS_BETTER = ("accuracy", "acc", "f1", "exact", "match", "pass", "score", "reward", "win",
                    "bleu", "rouge", "correct")  # fmt: skip
BEGINNING = 0.05
"""Part of the logs that stands for the beginning: what is hacked may be so by a third."""

EVALUATIONS = 6
"""Two a third, the fewest by which anything is told."""


@dataclass(frozen=True, slots=True, eq=False)
class _Fall:
    """Something that fell while the reward rose: by how much of what, and against which bound."""

    name: str
    column: Column
    moved: Change
    size: float
    unit: str
    bound: str
    mild: bool = False


@check(
    "FIT077",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R13",),
)
def reward_without_gain(
    trace: Trace,
    *,
    min_deviations: float = 1.0,
    min_loss: float = 0.1,
    max_growth: float = 2.0,
    min_points: int = 12,
) -> Iterator[Finding]:
    """A reward that rises while what it stands for falls.

    ## What it finds
    Reinforcement training whose reward rises while one of the reward functions, or a metric on
    held-out rows, falls. It tells, as information, where answers grew to twice their length with
    the reward.

    ## Why it matters
    A reward is a stand-in. Once the model finds what the stand-in pays for and nobody wants, such
    as format without content, length or a repeated word, all further training buys that.

    ## How it is measured
    From the first twentieth of the logs, at least three, to the last third. The total reward must
    have risen with its whole 95 % interval. A reward function must have fallen with its interval,
    by `min_deviations` standard deviations (1: of the answers of one batch in the first twentieth,
    which the trainer logs); TRL logs functions of weight 0 too, which makes them a metric to watch.
    A held-out metric (an `eval_` column whose name says that larger is better) must have fallen
    with its interval by `min_loss` of its first level (0.1), over six evaluations or more. Mean
    length must have grown `max_growth`-fold (2). All three are judgements. In the ten healthy runs
    of tests/fixtures/runs/trl and in 23 others no function fell at all, so they say little of
    rewards that work against each other. At least `min_points` logs (12).

    ## Example
    rewards/how_often/mean 0.4 to 20, rewards/grammatical/mean 0.88 to 0.

    ## Fix
    Read the answers of the last steps. Put what fell into the reward with a weight of its own,
    raise beta, cap what can be had without content, and keep the checkpoint from before it fell.

    ## When it is wrong
    When one function was meant to give way to another, as a reward for length to one for brevity.
    Reasoning models grow their answers for good reasons, so growth alone is information.

    ## Sources
    Fault R13 of the catalogue; huggingface/open-r1 issue 373; allenai/open-instruct issue 534; Gao
    et al. 2023, "Scaling Laws for Reward Model Overoptimization".
    """
    rewards = require_rewards(trace, min_points)
    total = change(rewards.values, first_share=BEGINNING)
    if not total.rose:
        return
    fallen = [
        *_functions(trace, min_deviations, min_points),
        *_held_out(trace, min_loss),
        *_longer(trace, max_growth, min_points),
    ]
    if not fallen:
        return
    worst = fallen[0]
    verb = "grew" if worst.mild else "fell"
    yield Finding(
        message=(
            f"the reward rose from {total.first.mean:.3g} to {total.last.mean:.3g} while "
            f"{worst.name} {verb} from {worst.moved.first.mean:.3g} to {worst.moved.last.mean:.3g}"
        ),
        severity=Severity.INFO if worst.mild else None,
        where=(
            Steps(
                metric=worst.name,
                first=int(worst.column.steps[0]),
                last=int(worst.column.steps[-1]),
            ),
        ),
        evidence=(
            evidence(name_of(trace, "reward"), rewards),
            *(evidence(fall.name, fall.column) for fall in fallen),
            Number(
                name=f"{worst.name}, change since the beginning",
                value=worst.size,
                unit=worst.unit,
                bound=worst.bound,
            ),
        ),
        impact="more of the same training buys more of what the reward pays for by mistake",
        fixes=(
            Fix(
                title="read the last answers, reward what fell as well, and go back to the "
                "checkpoint from before it fell",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _functions(trace: Trace, min_deviations: float, min_points: int) -> list[_Fall]:
    found = []
    for name, (mean, deviation) in components(trace).items():
        if len(mean) < min_points or not len(deviation):
            continue
        moved = change(mean.values, first_share=BEGINNING)
        unit = start_level(deviation.values, BEGINNING)
        if moved.fell and unit > 0 and -moved.by >= min_deviations * unit:
            found.append(
                _Fall(
                    name=f"rewards/{name}/mean",
                    column=mean,
                    moved=moved,
                    size=moved.by / unit,
                    unit="standard deviations",
                    bound=f"above -{min_deviations:g}",
                )
            )
    return sorted(found, key=lambda fall: fall.size)


def _held_out(trace: Trace, min_loss: float) -> list[_Fall]:
    found = []
    for name, column in trace.columns_under("eval_").items():
        judged = column.finite
        parts = set(name.replace("/", "_").replace("-", "_").split("_"))
        if len(judged) < EVALUATIONS or not parts & set(LARGER_IS_BETTER) or name.endswith("std"):
            continue
        moved = change(judged.values, first_share=BEGINNING)
        level = abs(moved.first.mean)
        if moved.fell and -moved.by >= min_loss * level > 0:
            found.append(
                _Fall(
                    name=f"eval_{name}",
                    column=judged,
                    moved=moved,
                    size=100 * moved.by / level,
                    unit="%",
                    bound=f"above -{100 * min_loss:g} %",
                )
            )
    return sorted(found, key=lambda fall: fall.size)


def _longer(trace: Trace, max_growth: float, min_points: int) -> list[_Fall]:
    lengths = logged(trace, "length")
    if len(lengths) < min_points:
        return []
    moved = change(lengths.values, first_share=BEGINNING)
    began = max(moved.first.mean, 1e-9)
    if not moved.rose or moved.last.mean < max_growth * began:
        return []
    size = 100 * (moved.last.mean / began - 1)
    bound = f"below {100 * (max_growth - 1):.0f} %"
    return [_Fall(name_of(trace, "length"), lengths, moved, size, "%", bound, mild=True)]
