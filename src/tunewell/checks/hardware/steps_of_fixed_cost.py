"""HW061: a step takes as long for few tokens as for many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

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
    Table,
)
from tunewell.facts.throughput import timed_tokens
from tunewell.subjects.trace import Trace

BLOCK = 5
"""Steps that are timed together: the processor runs ahead of the GPU by up to about a step."""

SURE = 2.0
"""Standard errors that the slope is allowed to be steeper."""


@check(
    "HW061",
    category=Category.PERFORMANCE,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def steps_of_fixed_cost(
    trace: Trace, *, min_fixed: float = 0.7, min_blocks: int = 20, min_spread: float = 1.3
) -> Iterator[Finding]:
    """On a GPU, a step takes about as long whether its batch has few tokens or many.

    ## What it finds
    A run on a GPU in which at least `min_fixed` of the time of a step (0.7) does not depend on how
    many tokens it has.

    ## Why it matters
    The GPU waits for the processor that starts its kernels, or reads all weights for a handful of
    tokens. More tokens a step are then nearly free: the run could learn from several times as many
    rows in the same time.

    ## How it is measured
    The watcher times each step and counts the tokens that the model is given, padding included. Of
    blocks of five steps, `min_blocks` at least (20), the seconds are fitted to the tokens by a
    straight line. Even with two standard errors added to its slope, tokens must account for less
    than 1 - `min_fixed` of the time. Batches must differ enough to tell: the tokens of the upper
    tenth of the blocks are at least `min_spread` times those of the lower (1.3). Waiting for data
    is left out: that is HW002's to say. On a processor every step has fixed costs that a larger
    batch would not hide; it is left alone.

    ## Example
    0.11 s for 200 tokens and 0.12 s for 900.

    ## Fix
    A larger batch with less accumulation; without accumulation a larger batch changes what is
    learned, and the learning rate with it. `torch_compile` and fused optimizers
    (`optim="adamw_torch_fused"`) start fewer kernels.

    ## When it is wrong
    When something else that does not depend on the batch takes the time, such as a slow callback.

    ## Sources
    Williams et al. 2009, Roofline; PyTorch's performance tuning guide (launch-bound training).
    """
    if not len(trace.column("cuda_peak_bytes")):
        reason = "the run was not on a GPU"
        raise NotApplicableError(reason)
    steps, seconds, tokens = timed_tokens(trace, waits=False)
    count = len(steps) // BLOCK
    if count < min_blocks:
        reason = f"fewer than {min_blocks * BLOCK} steps were timed with their tokens"
        raise NotApplicableError(reason)
    given = tokens[: count * BLOCK].reshape(count, BLOCK).sum(axis=1)
    taken = seconds[: count * BLOCK].reshape(count, BLOCK).sum(axis=1)
    # A block that an evaluation or another program fell into is no measure of its tokens.
    usual = taken <= 3 * np.median(taken)
    given, taken = given[usual], taken[usual]
    low, high = np.percentile(given, [10, 90])
    if len(given) < min_blocks or low <= 0 or high < min_spread * low:
        reason = "batches have about as many tokens each: what they cost cannot be told"
        raise NotApplicableError(reason)
    fixed = _fixed_share(given, taken)
    if fixed < min_fixed:
        return
    few, many = given <= np.median(given), given > np.median(given)
    yield Finding(
        message=(
            f"at least {100 * fixed:.0f} % of a step's time does not depend on its tokens: "
            f"{taken[few].mean() / BLOCK:.3g} s for {given[few].mean() / BLOCK:,.0f} tokens, "
            f"{taken[many].mean() / BLOCK:.3g} s for {given[many].mean() / BLOCK:,.0f}"
        ),
        where=(Steps(metric="step_seconds", first=int(steps[0]), last=int(steps[-1])),),
        evidence=(
            Number(
                name="time that does not depend on the tokens",
                value=100 * fixed,
                unit="%",
                bound=f"below {100 * min_fixed:g} %",
            ),
            Table(
                name="steps by their tokens",
                columns=("tokens of a step", "seconds of a step"),
                rows=tuple(
                    (round(float(given[part].mean() / BLOCK)), round(float(t), 4))
                    for part in np.array_split(np.argsort(given), 4)
                    if (t := taken[part].mean() / BLOCK)
                ),
                total=4,
            ),
        ),
        impact=f"twice the tokens a step would cost at most {100 * (1 - fixed):.0f} % more time",
        fixes=(
            Fix(
                title="a larger batch with less accumulation, torch_compile, or a fused optimizer",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _fixed_share(tokens: NDArray[np.float64], seconds: NDArray[np.float64]) -> float:
    """The part of the mean time that no slope within its error explains."""
    centred = tokens - tokens.mean()
    spread = float(centred @ centred)
    slope = float(centred @ seconds) / spread
    rest = seconds - seconds.mean() - slope * centred
    error = float(np.sqrt((rest @ rest) / (len(tokens) - 2) / spread))
    steepest = max(slope + SURE * error, 0.0)
    return 1 - steepest * float(tokens.mean()) / float(seconds.mean())
