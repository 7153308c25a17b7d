"""FIT004: NaN and infinity that the trainer's log hides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity, Steps
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Column, Trace


@check("FIT004", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("O23",))
def hidden_non_finite(trace: Trace, *, max_logs: int = 1) -> Iterator[Finding]:
    """Losses or gradients that are NaN or infinite, also where the log shows 0.0.

    ## What it finds
    Losses that were not finite before the trainer replaced them, and gradient norms that are not
    finite.

    ## Why it matters
    One step with a NaN gradient turns every weight into NaN. The Trainer's
    `logging_nan_inf_filter`, on by default, then logs a loss of 0.0, which looks like success.

    ## How it is measured
    Any raw or logged loss that is not finite counts. Gradient norms that are not finite count when
    there are more than `max_logs` of them (1) or the last one is: mixed precision in fp16 meets
    single infinite ones on purpose, skips the step and lowers its scale.

    ## Example
    `{'loss': 0.0, 'grad_norm': nan}` from step 41 to the end.

    ## Fix
    bf16 or fp32 in place of fp16, eager attention, or drop the batch that causes it.

    ## When it is wrong
    When single fp16 overflows are logged twice in a long run.

    ## Sources
    Fault O23 of the catalogue; transformers, `TrainingArguments.logging_nan_inf_filter`.
    """
    bad_loss = np.union1d(
        _bad(trace.column("raw_loss")), np.union1d(_bad(trace.column("loss")), _counted(trace))
    )
    norms = trace.column("grad_norm")
    bad_norm = _bad(norms)
    serious = len(bad_norm) > max_logs or (
        len(bad_norm) > 0 and int(norms.steps[-1]) == int(bad_norm[-1])
    )
    if not len(bad_loss) and not serious:
        return
    steps = np.union1d(bad_loss, bad_norm)
    first, last = int(steps[0]), int(steps[-1])
    logged = trace.column("loss")
    zeros = int(((logged.values == 0) & (logged.steps >= first)).sum())
    what = "losses" if len(bad_loss) else "gradients"
    hidden = f"; the log shows a loss of 0.0 {zeros:,} times since" if zeros else ""
    yield Finding(
        message=f"{what} are not finite from the log at step {first:,} on{hidden}",
        where=(Steps(metric="loss" if len(bad_loss) else "grad_norm", first=first, last=last),),
        evidence=(
            Number(name="logs with a value that is not finite", value=len(steps), bound="0"),
            evidence("loss", logged),
            *((evidence("grad_norm", norms),) if len(norms) else ()),
        ),
        impact="after one such step the weights can be NaN and the model answers nothing",
        fixes=(
            Fix(
                title="train in bf16 or fp32, with eager attention, and find the first bad batch",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _bad(column: Column) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return column.steps[~np.isfinite(column.values)]


def _counted(trace: Trace) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    column = trace.column("nonfinite_losses").finite
    return column.steps[column.values > 0]
