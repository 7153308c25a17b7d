"""FIT080: updates that go further from the model that wrote the answers than is allowed."""

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
from tunewell.facts.policy_runs import logged, name_of
from tunewell.stats.levels import Level, level
from tunewell.subjects.trace import Column, Trace

DIFFERENCE = "sampling/sampling_logp_difference/mean"


@check(
    "FIT080",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def updates_clipped(
    trace: Trace,
    *,
    max_clipped: float = 0.1,
    max_difference: float = 0.05,
    min_points: int = 10,
) -> Iterator[Finding]:
    """Updates that go far from the model that wrote the answers they learn from.

    ## What it finds
    Reinforcement training in which a good part of the tokens is clipped, or in which the program
    that writes the answers (vLLM) gives them other probabilities than the trainer does.

    ## Why it matters
    The answers were written by one model and are learned from by another. Clipped tokens teach
    nothing, and beyond that the gradient is biased: runs collapse of it after hundreds of healthy
    steps.

    ## How it is measured
    *Clipped:* the mean of `clip_ratio/region_mean` over the last third of the logs lies above
    `max_clipped` (0.1, where axolotl's guide ends what is healthy) with its 95 % interval. With one
    update for each batch of answers it is 0, and with two it was at most 0.001 in healthy runs.
    *Sampler:* the mean of `sampling/sampling_logp_difference/mean` lies above `max_difference` nats
    a token (0.05) with its interval. Two public runs with vLLM log 0.005 and 0.014, a TRL issue
    0.012; sampling cut to top_p 0.8, which the trainer does not know of, gave a mean ratio of 0.90,
    which is 0.11. This part has been tested on written numbers, not on a run with vLLM. The
    importance ratio itself is shown but not judged: over a long answer a small difference is a
    large ratio. At least `min_points` logs (10).

    ## Example
    num_iterations 8 at a rate of 5e-3: 13 % of tokens clipped.

    ## Fix
    For clipping a lower rate or fewer updates a batch (`num_iterations`, `steps_per_generation`).
    For the sampler the same temperature and no top_p, top_k or min_p, the same precision on both
    sides, and importance sampling left on.

    ## When it is wrong
    When a larger clip was set on purpose and most of it is meant to act.

    ## Sources
    axolotl, docs/training_stability.qmd; huggingface/trl issues 4159, 4772 and 6789, pull request
    7269. No fault of the catalogue.
    """
    clipped, apart = logged(trace, "clipped updates"), trace.column(DIFFERENCE).finite
    if len(clipped) < min_points and len(apart) < min_points:
        message = f"it takes {min_points} logs of clipped updates or of the sampler's difference"
        raise NotApplicableError(message)
    many, far = _late(clipped, min_points), _late(apart, min_points)
    if far is not None and far.low > max_difference:
        yield _differs(trace, apart, far, max_difference)
    elif many is not None and many.low > max_clipped:
        yield _clipped(name_of(trace, "clipped updates"), clipped, many, max_clipped)


def _late(column: Column, min_points: int) -> Level | None:
    return level(column.values[-(len(column) // 3) :]) if len(column) >= min_points else None


def _clipped(name: str, column: Column, late: Level, bound: float) -> Finding:
    return Finding(
        message=(
            f"{100 * late.mean:.0f} % of tokens ({100 * late.low:.0f} to {100 * late.high:.0f} %) "
            f"are clipped in the last third of the run: updates go too far for each batch of "
            f"answers"
        ),
        where=(Steps(metric=name, first=int(column.steps[0]), last=int(column.steps[-1])),),
        evidence=(
            evidence(name, column),
            Number(
                name="tokens that are clipped",
                value=100 * late.mean,
                unit="%",
                bound=f"at most {100 * bound:.0f} %",
                low=100 * late.low,
                high=100 * late.high,
            ),
        ),
        impact="clipped tokens teach nothing, and the rest pushes in a biased direction",
        fixes=(
            Fix(
                title="lower the learning rate, or make fewer updates a batch of answers",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _differs(trace: Trace, column: Column, late: Level, bound: float) -> Finding:
    ratio = trace.column("sampling/importance_sampling_ratio/mean").finite
    return Finding(
        message=(
            f"the sampler's log-probabilities differ from the trainer's by {late.mean:.2g} nats a "
            f"token ({late.low:.2g} to {late.high:.2g}) in the last third of the run"
        ),
        where=(Steps(metric=DIFFERENCE, first=int(column.steps[0]), last=int(column.steps[-1])),),
        evidence=(
            evidence(DIFFERENCE, column),
            *((evidence("sampling/importance_sampling_ratio/mean", ratio),) if len(ratio) else ()),
            Number(
                name="difference a token",
                value=late.mean,
                unit="nats",
                bound=f"at most {bound:g}",
                low=late.low,
                high=late.high,
            ),
        ),
        impact="the gradient is that of another model than the one that wrote the answers",
        fixes=(
            Fix(
                title="sample with the trainer's temperature and without top_p, top_k and min_p, "
                "in the same precision",
                safety=Safety.MANUAL,
            ),
        ),
    )
