"""HW044: every process waits for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    Table,
)
from tunewell.subjects.trace import EMPTY, Column, Trace

TIMES = ("data_seconds", "step_seconds")


@check(
    "HW044",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
)
def one_rank_slow(
    trace: Trace, *, max_share: float = 0.15, min_steps: int = 20, min_often: float = 0.8
) -> Iterator[Finding]:
    """One of several processes makes all the others wait.

    ## What it finds
    A process that waits for its batches while the others already have theirs, step after step, and
    one whose steps take longer by themselves.

    ## Why it matters
    The processes exchange their gradients at every step, so each step takes as long as the slowest
    needs. The other GPUs stand idle for the rest.

    ## How it is measured
    The watcher of each process times the wait for its batch and the step. At the steps that all of
    them timed, without the first, at least `min_steps` (20), a process is slow that was behind the
    median of all in `min_often` of the steps (0.8, so that it is always the same one) by
    `max_share` of a whole step at the median (0.15, a judgement). Either its wait for batches must
    be the longer one, or wait and step together. A process that computes slowly while the others
    wait inside the exchange of gradients has the same times as they have, and is not seen.

    ## Example
    8 processes; rank 5 waits 0.31 s for each batch, the others 0.02 s; a step takes 1.1 s.

    ## Fix
    Look at that process's machine: its disk, its cores, other programs, the clock of its GPU.

    ## When it is wrong
    When the processes have different tasks, as pipeline stages do.

    ## Sources
    FLARE (arXiv 2502.05413) and TraceML name the fault. No fault of the catalogue.
    """
    all_ranks: dict[int, Mapping[str, Column]] = {0: trace.columns, **trace.ranks}
    if len(all_ranks) < 2:  # noqa: PLR2004  one cannot lag behind itself
        reason = "the run has one process, or one alone was watched"
        raise NotApplicableError(reason)
    ranks = sorted(all_ranks)
    data, total = (_times(all_ranks, ranks, names, min_steps) for names in (TIMES[:1], TIMES))
    step = float(np.median(total))
    for times, what in ((data, "for its batches"), (total, "")):
        behind = times - np.median(times, axis=0)
        late = np.median(behind, axis=1)
        slow = int(late.argmax())
        # Of two processes the median lies between them: the slow one is half the gap behind it.
        excess = float(late[slow] - np.median(np.delete(late, slow)))
        often = float((behind[slow] > 0).mean())
        if excess > max_share * step and often >= min_often:
            yield _finding(
                trace, ranks, slow=slow, excess=excess, step=step, what=what, times=times
            )
            return


def _times(
    all_ranks: Mapping[int, Mapping[str, Column]],
    ranks: list[int],
    names: tuple[str, ...],
    min_steps: int,
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Seconds of each rank (row) at each step that all of them timed.

    Raises:
        NotApplicableError: if those are too few.
    """
    columns = {
        (rank, name): all_ranks[rank].get(name, EMPTY).finite for rank in ranks for name in TIMES
    }
    common = None
    for column in columns.values():
        common = column.steps if common is None else np.intersect1d(common, column.steps)
    if common is None or len(common) - 1 < min_steps:
        reason = f"fewer than {min_steps} steps were timed in every process"
        raise NotApplicableError(reason)
    common = common[1:]
    rows = [
        sum(
            columns[rank, name].values[np.searchsorted(columns[rank, name].steps, common)]
            for name in names
        )
        for rank in ranks
    ]
    return np.stack([np.asarray(row, dtype=np.float64) for row in rows])


def _finding(  # noqa: PLR0913  what was measured
    trace: Trace,
    ranks: list[int],
    *,
    slow: int,
    excess: float,
    step: float,
    what: str,
    times: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> Finding:
    each = np.median(times, axis=1)
    return Finding(
        message=(
            f"every step waits for rank {ranks[slow]}: it needs {each[slow]:.2g} s"
            f"{' ' + what if what else ''}, {excess:.2g} s more than the others, in a step of "
            f"{step:.2g} s"
        ),
        where=(
            Steps(metric="data_seconds" if what else "step_seconds", first=1, last=trace.last_step),
        ),
        evidence=(
            Number(
                name="what it is behind, as a share of a step",
                value=100 * excess / step,
                unit="%",
            ),
            Table(
                name="median seconds of each process",
                columns=("rank", "seconds"),
                rows=tuple(
                    (rank, round(float(value), 4)) for rank, value in zip(ranks, each, strict=True)
                ),
                total=len(ranks),
            ),
        ),
        impact=f"without it a step takes {100 * min(excess / step, 1.0):.0f} % less time",
        fixes=(
            Fix(
                title=f"look at the machine of rank {ranks[slow]}: its disk, its cores, other "
                "programs, the clock of its GPU",
                safety=Safety.MANUAL,
            ),
        ),
    )
