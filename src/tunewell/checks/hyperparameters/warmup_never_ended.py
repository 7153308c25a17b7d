"""HYP055: a learning rate that still rises when the run is over, or well on its way."""

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
)
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Trace


@check(
    "HYP055",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def warmup_never_ended(
    trace: Trace, *, max_share: float = 0.5, min_logs: int = 5
) -> Iterator[Finding]:
    """A learning rate that rose through the whole run, or through more than half of it.

    ## What it finds
    A run whose learning rate was still rising at the last log, with more than half of the planned
    steps behind it.

    ## Why it matters
    The rate that was chosen is reached at the end or not at all, and the decay after it never
    comes: the model is left at its most restless. Warm-ups in steps that were written for a larger
    data set do that.

    ## How it is measured
    From the logged rates alone: each is at least the one before, the last is above all others by
    more than rounding, and the last log lies behind `max_share` of the planned steps (0.5, as
    published recipes warm up for at most a fifth). At least `min_logs` logs (5). While the run goes
    on its planned length must be in the log.

    ## Example
    Steps 10, 20, ... 110 of 110 with rates rising from 4e-7 to 4.4e-6; the setting was 2e-5.

    ## Fix
    A warm-up of a tenth of the run.

    ## When it is wrong
    When the rate was raised on purpose, to find the range that a model bears.

    ## Sources
    transformers, `get_linear_schedule_with_warmup`; the standard values of `tunewell plan`.
    """
    rates = trace.column("learning_rate").finite
    total = trace.max_steps or (trace.last_step if trace.finished else 0)
    if len(rates) < min_logs or not total:
        message = f"it takes {min_logs} logged learning rates and the length of the run"
        raise NotApplicableError(message)
    last = int(rates.steps[-1])
    highest = float(rates.values[-1])
    rising = bool((np.diff(rates.values) > 0).all()) and highest > 1.01 * rates.values[-2]
    if not rising and bool((np.diff(rates.values) > 0).all()):
        # In a long warm-up one log's rise is less than a hundredth: ask for the whole of it.
        rising = highest > 2 * rates.values[0]
    if not rising or last <= max_share * total:
        return
    chosen = trace.settings.get("learning_rate")
    share = ""
    if isinstance(chosen, int | float) and chosen > 0 and highest < 0.99 * chosen:
        share = f", {100 * highest / chosen:.0f} % of the {chosen:.3g} that is set"
    yield Finding(
        message=(
            f"the learning rate still rises at step {last:,} of {total:,}: it has come to "
            f"{highest:.3g}{share}"
        ),
        where=(Steps(metric="learning_rate", first=int(rates.steps[0]), last=last),),
        evidence=(
            evidence("learning_rate", rates),
            Number(
                name="share of warm-up",
                value=100 * last / total,
                unit="%",
                bound=f"at most {100 * max_share:.0f} %; published recipes: 0 % to 20 %",
            ),
        ),
        impact="most of the run is below the learning rate that was chosen",
        fixes=(Fix(title="warm up for a tenth of the run", safety=Safety.MANUAL),),
    )
