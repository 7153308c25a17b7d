"""What a run's time went to: evaluations, checkpoints, and all of it."""

from __future__ import annotations

import numpy as np

from tunewell.facts.memo import fact
from tunewell.facts.metric_names import PREFIX, evaluation_sets
from tunewell.subjects.trace import Column, Trace

RUNTIME = "runtime"


def evaluated_rows(trace: Trace, prefix: str = PREFIX) -> int | None:
    """The rows of an evaluation, from its seconds and its rows a second; None where not logged.

    `prefix` is that of the columns of one evaluation set, such as `eval_mail_`.
    """
    time = trace.column(f"{prefix}{RUNTIME}").finite
    rate = trace.column(f"{prefix}samples_per_second").finite
    if not len(time) or len(time) != len(rate):
        return None
    # Both are rounded to three digits: the longest evaluation tells the number best.
    longest = int(np.argmax(time.values))
    rows = float(time.values[longest] * rate.values[longest])
    return round(rows) if rows >= 1 else None


@fact
def evaluation_seconds(trace: Trace) -> Column | None:
    """Seconds of each evaluation at its step, all sets together; None where nothing tells.

    The watcher's time goes first; else the Trainer's own `eval_runtime`.
    """
    watched = trace.column("evaluation_seconds").finite
    if len(watched):
        return watched
    names = [f"{PREFIX}{name}_{RUNTIME}" for name in evaluation_sets(trace)]
    columns = [trace.column(name).finite for name in (*names, f"{PREFIX}{RUNTIME}")]
    columns = [column for column in columns if len(column)]
    if not columns:
        return None
    total: dict[int, float] = {}
    for column in columns:
        for step, value in zip(column.steps.tolist(), column.values.tolist(), strict=True):
            total[step] = total.get(step, 0.0) + value
    steps = sorted(total)
    return Column(
        np.array(steps, dtype=np.int64), np.array([total[step] for step in steps], dtype=np.float64)
    )


@fact
def run_seconds(trace: Trace) -> float | None:
    """Seconds that the run has taken so far, its evaluations included; None where nothing tells.

    The Trainer's own figure is of the part since the last restart, and is not used after one.
    """
    whole = trace.summary.get("train_runtime")
    if whole and not trace.restarts:
        return float(whole)
    return _by_the_steps(trace)


def _by_the_steps(trace: Trace) -> float | None:
    steps = trace.column("step_seconds").finite
    if not len(steps) or trace.last_step < 1:
        return None
    # A log's value is the mean over the steps since the log before it.
    gaps = np.diff(steps.steps)
    covered = np.concatenate(([np.median(gaps) if len(gaps) else steps.steps[0]], gaps))
    seconds = float(steps.values @ covered)
    waits = trace.column("data_seconds").finite
    if len(waits) == len(steps):
        seconds += float(waits.values @ covered)
    each = evaluation_seconds(trace)
    seconds += 0.0 if each is None else float(each.values.sum())
    return seconds + float(trace.column("saving_seconds").finite.values.sum())


def beyond_share(trace: Trace, seconds: float, whole: float, most: float) -> tuple[float, float]:
    """What share of `whole` seconds of the run `seconds` are, and the minutes beyond `most` of it.

    The minutes are those of the whole run: one that goes on is taken to go on as it did.
    """
    share = seconds / max(whole, seconds)
    left = 1.0
    if not trace.finished and trace.max_steps and trace.last_step:
        left = max(1.0, trace.max_steps / trace.last_step)
    return share, (share - most) * whole * left / 60
