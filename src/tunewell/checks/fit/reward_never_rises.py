"""FIT079: a reward that is where it began."""

from __future__ import annotations

from collections.abc import Iterator

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
)
from tunewell.facts.curves import evidence
from tunewell.facts.policy_runs import equal_share, logged, name_of, require_rewards
from tunewell.facts.preference_runs import far_enough
from tunewell.stats.levels import change, level
from tunewell.subjects.trace import Trace


@check(
    "FIT079",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def reward_never_rises(
    trace: Trace,
    *,
    min_gain: float = 0.25,
    max_equal: float = 0.8,
    min_points: int = 15,
    min_steps: int = 50,
) -> Iterator[Finding]:
    """A reward that is where it began, though answers get different ones.

    ## What it finds
    Reinforcement training half through or over whose reward has not risen, while the answers to a
    question do get different rewards.

    ## Why it matters
    There was something to learn from and nothing was learned: the rate is too small, or the reward
    has little to do with what the model can change.

    ## How it is measured
    The mean reward of the last third of the logs less that of the first. The whole 95 % interval of
    the gain must lie below `min_gain` standard deviations of the rewards of one batch (0.25, a
    judgement: half of what Cohen calls a medium effect), so that a reward too noisy to tell is left
    alone. Interval and deviation are the run's own. Where more than `max_equal` of groups have
    equal rewards (0.8) FIT075 says why. At least `min_points` logs (15), `min_steps` steps (50) and
    half of the planned ones. The healthy runs in tests/fixtures/runs/trl gained 0.9 deviations and
    more, 23 others 0.7.

    ## Example
    reward 0.36 in the first third, 0.37 in the last, of a deviation of 0.49.

    ## Fix
    Raise the learning rate; sample more answers a question; read answers with high and low rewards
    and see whether the difference is one that the model can learn.

    ## When it is wrong
    When the reward was as high as it gets from the first step on, and when the first third had
    already brought all there was. Large models at small rates need hundreds of steps.

    ## Sources
    axolotl, docs/training_stability.qmd, expects a rise within 20 steps, which is too soon for
    noisy rewards. No fault of the catalogue.
    """
    rewards = require_rewards(trace, min_points)
    spread = logged(trace, "spread")
    if trace.last_step < min_steps or not far_enough(trace):
        message = f"it takes {min_steps} steps and half of the planned ones"
        raise NotApplicableError(message)
    if not len(spread):
        message = "the spread of the rewards is not logged"
        raise NotApplicableError(message)
    if level(equal_share(trace).values).mean > max_equal:
        message = "most groups have equal rewards: FIT075 is about that"
        raise NotApplicableError(message)
    moved, deviation = change(rewards.values), level(spread.values).mean
    # A rise within the first third counts as well.
    began = float(rewards.values[: max(3, len(rewards) // 10)].mean())
    gained = moved.last.mean - began
    if moved.rose or max(moved.high, gained) >= min_gain * deviation:
        return
    yield Finding(
        message=(
            f"the reward is where it began: {moved.first.mean:.3g} in the first third of the run, "
            f"{moved.last.mean:.3g} in the last, while the answers of a batch differ by "
            f"{deviation:.3g}"
        ),
        where=(
            Steps(
                metric=name_of(trace, "reward"),
                first=int(rewards.steps[0]),
                last=int(rewards.steps[-1]),
            ),
        ),
        evidence=(
            evidence(name_of(trace, "reward"), rewards),
            Number(
                name="gain in standard deviations of one batch",
                value=moved.by / deviation,
                bound=f"at least {min_gain:g}",
                low=moved.low / deviation,
                high=moved.high / deviation,
            ),
        ),
        impact="the steps so far have changed nothing that is rewarded",
        fixes=(
            Fix(
                title="raise the learning rate, sample more answers a question, and read answers "
                "with high and low rewards",
                safety=Safety.MANUAL,
            ),
        ),
    )
