"""FIT048: optimizer steps that the scaler of fp16 skipped."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotRunError, check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity, Steps
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Trace

START = math.log2(2**16)
"""Halvings from the scaler's first scale to 1: so many steps may be lost while it settles."""

GROWTH = 2000
"""Good steps after which the scaler tries twice its scale, and may lose a step by it."""

LATE = 20


@check("FIT048", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("P06", "O05"))
def steps_skipped(
    trace: Trace, *, max_share: float = 0.02, min_scale: float = 1.0, min_steps: int = 30
) -> Iterator[Finding]:
    """Updates skipped because gradients overflowed in fp16, beyond what the scaler's search costs.

    ## What it finds
    Runs in fp16 whose scaler goes on skipping steps, or whose scale has fallen below 1.

    ## Why it matters
    A skipped step is computed and thrown away, and the loss in the log does not show it. A scale
    below 1 makes small gradients vanish in fp16; when every step is skipped the model stands still.

    ## How it is measured
    From the watcher's columns `skipped` and `loss_scale`. PyTorch's scaler begins at 65,536, halves
    at each overflow and tries twice as much after 2,000 good steps: 16 steps at the start and one
    in 2,000 are its search and not counted. The others must be more than `max_share` of the steps
    (0.02), or the scale below `min_scale` (1), with at least `min_steps` steps (30). It is an error
    where each of the last 20 was skipped.

    ## Example
    212 of 1,000 steps skipped, the scale at 0.25.

    ## Fix
    bf16 in place of fp16, or float32 for the part that overflows.

    ## When it is wrong
    When the scaler was set to begin far above 65,536.

    ## Sources
    Faults P06 and O05 of the catalogue; PyTorch, `torch.amp.GradScaler`: its defaults.
    """
    skipped, scale = trace.column("skipped").finite, trace.column("loss_scale").finite
    if not len(skipped):
        message = "it takes the watcher's column skipped, of a run in fp16: use tunewell.Watch"
        raise NotRunError(message)
    if len(skipped) < min_steps:
        return
    lost = int((skipped.values > 0).sum())
    beyond = lost - START - len(skipped) / GROWTH
    still = bool((skipped.values[-LATE:] > 0).all())
    low = len(scale) > 0 and float(scale.values[-1]) < min_scale
    if beyond <= max_share * len(skipped) and not still and not (low and lost):
        return
    where = skipped.steps[skipped.values > 0]
    now = f"; the loss scale has fallen to {scale.values[-1]:.3g}" if len(scale) else ""
    yield Finding(
        message=(
            f"{counted(lost, 'step')} of {len(skipped):,} were skipped because gradients "
            f"overflowed in fp16{', among them each of the last 20' if still else ''}{now}"
        ),
        where=(Steps(metric="skipped", first=int(where[0]), last=int(where[-1])),),
        evidence=(
            Number(
                name="steps skipped",
                value=100 * lost / len(skipped),
                unit="%",
                bound=f"at most {100 * max_share:.0f} % beyond the scaler's own search",
            ),
            *((evidence("loss_scale", scale),) if len(scale) else ()),
        ),
        impact="the model does not learn any more"
        if still
        else "these steps are computed and thrown away",
        fixes=(Fix(title="train in bf16 or float32 in place of fp16", safety=Safety.MANUAL),),
        severity=Severity.ERROR if still else None,
    )
