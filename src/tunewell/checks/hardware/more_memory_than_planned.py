"""HW063: the run takes more memory than its plan said."""

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
    Table,
)
from tunewell.facts.prediction import compared, same_step
from tunewell.subjects.trace import Trace


@check(
    "HW063",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def more_memory_than_planned(trace: Trace, *, max_over: float = 0.1) -> Iterator[Finding]:
    """The run's peak of memory lies far above what was predicted for it.

    ## What it finds
    A run with a plan whose peak of allocated memory is more than `max_over` above the predicted one
    (0.1).

    ## Why it matters
    What trains is not what was planned: longer rows, another precision or attention kernel,
    something kept alive between steps. A plan that fits says nothing about this run then.

    ## How it is measured
    The peak since the process began, as PyTorch counts it, over the prediction that was recorded
    when the run began, before any correction by earlier runs. Predictions by simulation were within
    2 % of the measured peak on 59 runs, so 10 % is no error of the simulation. A peak below the
    prediction is no fault: the longest batch may not have come yet.

    ## Example
    Predicted 11.2 GiB, measured 14.9 GiB (+33 %): the collator pads to 2,048 and not to the longest
    row.

    ## Fix
    Compare the step that the plan describes with the batches and the settings of the run, and plan
    again.

    ## When it is wrong
    When something else was on the GPU in the same process before the run.

    ## Sources
    torch.cuda.max_memory_allocated; the T4 measurements of fitcheck-llm.
    """
    pairs = {each.name: each for each in compared(trace)}
    memory = next((each for name, each in pairs.items() if "allocated" in name), None)
    if memory is None or not same_step(trace):
        reason = "the run has no plan, or its memory was not measured"
        raise NotApplicableError(reason)
    if memory.off <= max_over:
        return
    yield Finding(
        message=f"memory: {memory.text}",
        where=(Steps(metric="cuda_peak_bytes", first=1, last=max(1, trace.last_step)),),
        evidence=(
            Number(
                name="memory above the plan",
                value=100 * memory.off,
                unit="%",
                bound=f"at most {100 * max_over:g} %",
            ),
            Table(
                name="planned and measured",
                columns=("quantity", "what"),
                rows=tuple((each.name, each.text) for each in pairs.values()),
                total=len(pairs),
            ),
        ),
        impact="that the plan fits says nothing about this run",
        fixes=(Fix(title="plan again with what really trains", safety=Safety.MANUAL),),
    )
