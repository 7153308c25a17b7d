"""FIT075: groups of answers that all get the same reward."""

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
from tunewell.facts.curves import end_level, evidence, start_level
from tunewell.facts.policy_runs import equal_share, logged, name_of, require_rewards
from tunewell.stats.levels import level
from tunewell.subjects.trace import Column, Trace

HALF = 0.5
"""Of all answers: where more are cut, FIT076 names the cause. And of a batch's deviation."""


@check(
    "FIT075",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
    covers=("R10",),
)
def equal_rewards(
    trace: Trace, *, max_share: float = 0.8, min_points: int = 10, min_steps: int = 20
) -> Iterator[Finding]:
    """Groups of answers that all get the same reward.

    ## What it finds
    GRPO or RLOO in which all answers to a question get the same reward, from the start or from some
    step on.

    ## Why it matters
    An answer is learned from by how much better it is than the others of its group. Where all are
    equal there is nothing to learn: loss 0, gradient 0. Only the pull back to the reference is
    left, where beta is above 0.

    ## How it is measured
    By `frac_reward_zero_std`, the share of groups whose rewards do not differ; a log also counts as
    1 where the standard deviation over the whole batch lies below 0.0001, which is what TRL adds to
    it before dividing. Its mean over the last third of the logs must lie above `max_share` (0.8, of
    the catalogue and of axolotl's guide to stable training) with its 95 % interval. It is an error
    where every group of every log was equal. Where the reward rose before the groups became equal,
    the questions are solved, or one answer does for all: that is information; so it is where most
    answers are cut, which FIT076 names as the cause. A loss near 0 alone says nothing: advantages
    of a group add up to 0, so GRPO begins and stays there. At least `min_points` logs (10) over
    `min_steps` steps (20, of the catalogue).

    ## Example
    reward 0, reward_std 0, frac_reward_zero_std 1, loss 0 and grad_norm 0 at every step.

    ## Fix
    A graded reward in place of all or nothing, easier questions first, more answers a question, a
    higher temperature; read some answers, and call the reward function on one that is right.

    ## When it is wrong
    When questions are mixed on purpose so that most are solved or hopeless, and the few others
    carry the run.

    ## Sources
    Fault R10 of the catalogue; huggingface/trl issues 3857 and 3452; axolotl,
    docs/training_stability.qmd; TRL 1.16, `GRPOTrainer`.
    """
    rewards = require_rewards(trace, min_points)
    equal = equal_share(trace)
    if len(equal) < min_points or int(equal.steps[-1] - equal.steps[0]) + 1 < min_steps // 2:
        message = f"it takes {min_points} logs of the spread of rewards"
        raise NotApplicableError(message)
    if trace.last_step < min_steps:
        message = f"fewer than {min_steps} steps are done"
        raise NotApplicableError(message)
    late = level(equal.values[-max(1, len(equal) // 3) :])
    if late.low <= max_share:
        return
    always = bool((equal.values >= 1).all())
    cut = _mostly_cut(trace)
    solved = not (always or cut) and _rose(trace, rewards, equal)
    severity = Severity.ERROR if always else Severity.INFO if solved or cut else None
    yield Finding(
        message=_message(rewards, equal, late.mean, always=always, solved=solved)
        + ("; most answers are cut, which may be why" if cut else ""),
        severity=severity,
        confidence=None if always else Confidence.MEDIUM,
        where=(
            Steps(
                metric=name_of(trace, "equal"),
                first=int(equal.steps[0]),
                last=int(equal.steps[-1]),
            ),
        ),
        evidence=(
            evidence("share of groups with equal rewards", equal),
            evidence("reward", rewards),
            Number(
                name="groups with equal rewards",
                value=100 * late.mean,
                unit="%",
                bound=f"below {100 * max_share:.0f} %",
                low=100 * late.low,
                high=min(100.0, 100 * late.high),
            ),
        ),
        impact="nothing is learned from a group of equal rewards"
        if not solved
        else "further steps on the same questions bring nothing",
        fixes=(
            Fix(
                title="take harder questions, or stop here"
                if solved
                else "grade the reward, take easier questions, or sample more answers a question",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _mostly_cut(trace: Trace) -> bool:
    clipped = logged(trace, "clipped answers")
    return len(clipped) > 0 and end_level(clipped.values) > HALF


def _rose(trace: Trace, rewards: Column, equal: Column) -> bool:
    """Whether groups differed at first and the reward rose by half of a batch's deviation since."""
    differed = level(equal.values[: max(1, len(equal) // 3)]).mean < level(equal.values).mean
    spread = logged(trace, "spread").values
    deviation = start_level(spread) if len(spread) else 0.0
    gain = end_level(rewards.values) - start_level(rewards.values)
    return differed and gain > max(HALF * deviation, 0.0)


def _message(rewards: Column, equal: Column, share: float, *, always: bool, solved: bool) -> str:
    value = float(rewards.values[-1])
    if always:
        return (
            f"all answers of every group got the same reward in all {len(equal):,} logs "
            f"({value:.3g} at the end): nothing can be learned"
        )
    told = f"in {100 * share:.0f} % of groups all answers get the same reward in the last third"
    if solved:
        return f"{told}, after the reward rose to {value:.3g}: these questions teach no more"
    return f"{told}, at a reward of {value:.3g}: hardly anything can be learned"
