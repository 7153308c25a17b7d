"""FIT078: a model that lost its variety, its distance to the reference or its reward."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Evidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import end_level, evidence, smooth, start_level
from tunewell.facts.policy_runs import logged, name_of, require_rewards
from tunewell.stats.levels import level
from tunewell.subjects.trace import Column, Trace

STREAK = 5
"""Logs in a row below the start: one alone may be a hard batch."""

HALF = 0.5
"""Of all answers cut short: such a reward is no sign of health."""


@check(
    "FIT078",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R14",),
)
def policy_collapsed(
    trace: Trace,
    *,
    min_entropy: float = 0.1,
    max_kl: float = 10.0,
    normal_kl: float = 0.5,
    min_deviations: float = 1.0,
    min_points: int = 12,
) -> Iterator[Finding]:
    """A policy that collapsed: its reward fell, its entropy is gone, or its KL ran away.

    ## What it finds
    Reinforcement training that lost what it had: a reward well below where it began, entropy of
    next to nothing, or a distance to the reference that leaves its own past far behind.

    ## Why it matters
    A model without entropy writes the same answer each time; nothing is tried and so nothing is
    learned any more. One far from its reference writes what nobody taught it. Neither comes back by
    going on.

    ## How it is measured
    *Reward:* each of the last five logs, or of the last tenth, lies below the median of the first
    tenth, and below the best it had (running median of five) by `min_deviations` standard
    deviations of the rewards of one batch in the first tenth (1). *Entropy:* each of the same last
    logs lies below `min_entropy` of the first tenth's median (0.1, of the catalogue); no interval
    is taken, for entropy falls so smoothly that its points are hardly independent. That of 33
    healthy runs ended at 0.82 of its start or more. It is information where the reward rose
    meanwhile, answers still end and KL is at most `normal_kl` or not logged: a task with one right
    answer gets there too. *KL:* the last tenth's median is `max_kl` times the median of the whole
    run (10, of the catalogue) and above `normal_kl` (0.5 nats a token, where axolotl's guide ends
    what is normal), since KL begins at 0 and grows in every healthy run. With beta 0, TRL's
    default, no KL is logged, and the message says so. At least `min_points` logs (12).

    ## Example
    entropy 1.2 at the start, 0.008 at the end; every answer as long as is allowed.

    ## Fix
    A tenth of the learning rate; beta 0.01 to 0.04; clip higher on the upper side
    (`epsilon_high=0.28`); go back to a checkpoint from before.

    ## When it is wrong
    When prompts get harder during the run, and the reward falls with them.

    ## Sources
    Fault R14 of the catalogue; huggingface/open-r1 issue 257; Yu et al. 2025, "DAPO", on entropy
    and clipping; axolotl, docs/training_stability.qmd.
    """
    rewards = require_rewards(trace, min_points)
    found = [
        part
        for part in (
            _reward(trace, rewards, min_deviations),
            _entropy(trace, rewards, min_entropy, normal_kl, min_points),
            _kl(trace, max_kl, normal_kl, min_points),
        )
        if part is not None
    ]
    if not found:
        return
    names, said, severities, shown = zip(*found, strict=True)
    serious = [severity for severity in severities if severity is not Severity.INFO]
    kl = logged(trace, "kl")
    free = "" if len(kl) else "; no KL is logged: beta is 0, nothing holds the model back"
    yield Finding(
        message=f"{' and '.join(said)}{free}",
        severity=min(severities, key=list(Severity).index) if serious else Severity.INFO,
        where=tuple(
            Steps(metric=name, first=int(rewards.steps[0]), last=trace.last_step) for name in names
        ),
        evidence=(
            *(item for items in shown for item in items),
            evidence(name_of(trace, "reward"), rewards),
        ),
        impact="the model tries nothing new, or writes what nobody taught it; more steps do not "
        "bring it back",
        fixes=(
            Fix(
                title="go back to an earlier checkpoint with a tenth of the learning rate"
                + ("" if len(kl) else " and beta 0.01 to 0.04"),
                safety=Safety.MANUAL,
            ),
        ),
    )


_Part = tuple[str, str, Severity, tuple[Evidence, ...]]


def _reward(trace: Trace, rewards: Column, min_deviations: float) -> _Part | None:
    spread = logged(trace, "spread")
    start, best = start_level(rewards.values), float(smooth(rewards.values).max())
    deviation = start_level(spread.values) if len(spread) else 0.0
    last = rewards.values[-max(STREAK, len(rewards) // 10) :]
    if deviation <= 0 or last.max() >= min(start, best - min_deviations * deviation):
        return None
    late = level(last)
    lost = best - late.mean
    number = Number(
        name="fall of the reward in standard deviations of one batch",
        value=lost / deviation,
        bound=f"below {min_deviations:g}",
        low=(best - late.high) / deviation,
        high=(best - late.low) / deviation,
    )
    text = (
        f"the reward began at {start:.3g}, was {best:.3g} at its best and is {late.mean:.3g} in "
        f"the last {len(last)} logs"
    )
    return name_of(trace, "reward"), text, Severity.ERROR, (number,)


def _entropy(
    trace: Trace, rewards: Column, min_entropy: float, normal_kl: float, min_points: int
) -> _Part | None:
    entropy, kl = logged(trace, "entropy"), logged(trace, "kl")
    if len(entropy) < min_points:
        return None
    start = start_level(entropy.values)
    last = entropy.values[-max(STREAK, len(entropy) // 10) :]
    if start <= 0 or last.max() >= min_entropy * start:
        return None
    clipped = logged(trace, "clipped answers")
    ends = not len(clipped) or end_level(clipped.values) < HALF
    near = not len(kl) or end_level(kl.values) <= normal_kl
    healthy = ends and near and end_level(rewards.values) > start_level(rewards.values)
    number = Number(
        name="entropy as a share of its start",
        value=100 * float(last.mean()) / start,
        unit="%",
        bound=f"at least {100 * min_entropy:.0f} %",
    )
    where = "" if ends else ", with most answers cut short"
    text = f"entropy fell from {start:.3g} to {last.mean():.2g} nats a token{where}"
    severity = Severity.INFO if healthy else Severity.WARNING
    return name_of(trace, "entropy"), text, severity, (number, evidence("entropy", entropy))


def _kl(trace: Trace, max_kl: float, normal_kl: float, min_points: int) -> _Part | None:
    kl = logged(trace, "kl")
    if len(kl) < min_points:
        return None
    last, usual = end_level(kl.values), start_level(kl.values, 1.0)
    if last <= normal_kl or last <= max_kl * max(usual, 0.0):
        return None
    number = Number(name="KL at the end against the run's median", value=last, bound=f"{usual:.3g}")
    text = f"KL to the reference ran from a median of {usual:.3g} to {last:.3g} nats a token"
    return name_of(trace, "kl"), text, Severity.WARNING, (number, evidence("kl", kl))
