"""HYP053: the learning rate reaches 0 long before the run ends."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Mark, Number, Safety, Severity, Steps
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.facts.schedules import zero_from
from tunewell.subjects.trace import Trace

CLOSE = 0.1
"""How near to a whole number the pace must be to be named."""


@check("HYP053", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("O04",))
def schedule_ended_early(
    trace: Trace, *, max_share: float = 0.9, min_logs: int = 3, min_steps: int = 10
) -> Iterator[Finding]:
    """A learning rate that is 0 for a good part of the run's end.

    ## What it finds
    A run whose learning rate falls to 0 before its last tenth and stays there.

    ## Why it matters
    Steps at a learning rate of 0 change nothing and cost as much as the others. The usual cause is
    a scheduler that is advanced more than once a step: by each process (accelerate does that for a
    scheduler it prepared), or by each micro-batch.

    ## How it is measured
    From the logged rates alone: from some log on all are below a millionth of the highest, there
    are `min_logs` of them (3) over `min_steps` steps (10), and the first lies before `max_share` of
    the planned steps (0.9, as the catalogue has it). A schedule with restarts touches 0 between
    them for one log; one that ends at a rate above 0 is by choice; neither is meant. While a run
    goes on its planned length is taken from the log, and nothing is said without it.

    ## Example
    2e-5 at step 1, 0 from step 250 of 1,000 on: four processes.

    ## Fix
    Build the scheduler for the number of steps times the number of processes, or do not prepare it.

    ## When it is wrong
    When the last part of a run at rate 0 is wanted, for statistics of batch normalisation.

    ## Sources
    Fault O04 of the catalogue; accelerate, `AcceleratedScheduler.step`.
    """
    rates = trace.column("learning_rate").finite
    total = trace.max_steps or (trace.last_step if trace.finished else 0)
    if len(rates) < min_logs or not total:
        message = f"it takes {min_logs} logged learning rates and the length of the run"
        raise NotApplicableError(message)
    place = zero_from(rates)
    if place is None or not place:
        return
    first, last = int(rates.steps[place]), int(rates.steps[-1])
    if len(rates) - place < min_logs or last - first < min_steps or first >= max_share * total:
        return
    wasted = (total if not trace.finished else last) - first
    times = round(total / first)
    whole = times > 1 and abs(total / first - times) < CLOSE
    pace = f", as if it were advanced {times} times a step" if whole else ""
    yield Finding(
        message=(
            f"the learning rate is 0 from step {first:,} of {total:,} on{pace}: "
            f"{counted(wasted, 'step')} change nothing"
        ),
        where=(Steps(metric="learning_rate", first=first, last=last),),
        evidence=(
            evidence("learning_rate", rates, Mark(step=first, text="0 from here")),
            Number(
                name="steps before the rate is 0",
                value=100 * first / total,
                unit="%",
                bound=f"at least {100 * max_share:.0f} %",
            ),
        ),
        impact=f"{100 * wasted / total:.0f} % of the steps are paid for and change nothing",
        fixes=(
            Fix(
                title="build the scheduler for as many steps as it is advanced: once an optimizer "
                "step, or times the number of processes where accelerate prepared it",
                safety=Safety.MANUAL,
            ),
        ),
    )
