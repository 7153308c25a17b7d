"""FIT004: NaN and infinity that the trainer's log hides."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Number, Safety, Severity, Steps
from tunewell.core.words import counted
from tunewell.facts.curves import evidence
from tunewell.subjects.trace import Column, Trace

Marks = np.ndarray[tuple[int], np.dtype[np.int64]]
"""Steps, shape (n,)."""

ANSWERS = frozenset({"skip", "back"})
"""Interventions of a guard after which the weights are as if the step had not been."""


@check("FIT004", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("O23",))
def hidden_non_finite(trace: Trace, *, max_logs: int = 1) -> Iterator[Finding]:
    """Losses or gradients that are NaN or infinite, also where the log shows 0.0.

    ## What it finds
    Losses that were not finite before the trainer replaced them, gradient norms that are not
    finite, and weights or optimizer state with values that are not finite.

    ## Why it matters
    One step with a NaN gradient turns every weight into NaN. The Trainer's
    `logging_nan_inf_filter`, on by default, then logs a loss of 0.0, which looks like success.

    ## How it is measured
    Any raw or logged loss that is not finite counts, and any weight or optimizer state of the
    watcher's sample (`nonfinite_parameters`, `nonfinite_optimizer_state`): fp16 leaves both alone.
    Gradients that are not finite (`grad_norm`, `nonfinite_gradients`) count when there are more
    than `max_logs` such logs (1) or the last one is: mixed precision in fp16 meets single infinite
    ones on purpose, skips the step and lowers its scale. Where the watcher saw each of these steps
    skipped they do not count at all. Neither does a step that `tunewell.Guard` left out or went
    back from, as the run's interventions say; where that was all, it is said as information.

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
        _bad(trace.column("raw_loss")),
        np.union1d(_bad(trace.column("loss")), _above_zero(trace, "nonfinite_losses")),
    )
    bad_weights = np.union1d(
        _above_zero(trace, "nonfinite_parameters"), _above_zero(trace, "nonfinite_optimizer_state")
    )
    norms = trace.column("grad_norm")
    bad_norm = np.union1d(_bad(norms), _above_zero(trace, "nonfinite_gradients"))
    bad_norm = np.setdiff1d(bad_norm, _above_zero(trace, "skipped"))
    handled = _handled(trace, bad_loss, np.union1d(bad_norm, bad_weights))
    if not handled:
        bad_loss, bad_norm = _unanswered(trace, bad_loss), _unanswered(trace, bad_norm)
    serious = len(bad_norm) > max_logs or (
        len(bad_norm) > 0 and int(bad_norm[-1]) >= int(_last_gradient(trace))
    )
    if not len(bad_loss) and not len(bad_weights) and not serious and not handled:
        return
    steps = np.union1d(bad_loss, np.union1d(bad_norm, bad_weights))
    first, last = int(steps[0]), int(steps[-1])
    logged = trace.column("loss")
    zeros = int(((logged.values == 0) & (logged.steps >= first)).sum())
    what = "losses" if len(bad_loss) else "gradients" if len(bad_norm) else "weights"
    metric = {"losses": "loss", "gradients": "grad_norm", "weights": "nonfinite_parameters"}[what]
    hidden = f"; the log shows a loss of 0.0 in {counted(zeros, 'log')} since" if zeros else ""
    message = f"{what} are not finite {_when(trace, steps)}{_weights(trace)}{hidden}"
    if handled:
        message = (
            f"{what} were not finite at {counted(len(handled), 'step')} (first {handled[0]:,}); "
            "the guard left the updates out or went back, and all was finite after that"
        )
    yield Finding(
        message=message,
        where=(Steps(metric=metric, first=first, last=last),),
        evidence=(
            Number(name="logs with a value that is not finite", value=len(steps), bound="0"),
            evidence("loss", logged),
            *((evidence("grad_norm", norms),) if len(norms) else ()),
        ),
        impact="the batches of these steps taught the model nothing"
        if handled
        else "after one such step the weights can be NaN and the model answers nothing",
        fixes=(
            Fix(
                title="look at the rows of these batches, which the guard names"
                if handled
                else "train in bf16 or fp32, with eager attention, and find the first bad batch",
                safety=Safety.MANUAL,
            ),
        ),
        severity=Severity.INFO if handled else None,
    )


def _handled(trace: Trace, logs: Marks, steps: Marks) -> list[int]:
    """The steps that a guard left out or took back, where that was all; else none.

    `logs` are steps of logs that tell of those since the log before, `steps` tell of themselves.
    """
    skips = sorted(done.step for done in trace.interventions if done.kind == "skip")
    backs = sorted(done.step for done in trace.interventions if done.kind == "back")
    own = np.union1d(steps, _bad(trace.column("step_loss")))
    known = np.union1d(trace.column("loss").steps, trace.column("raw_loss").steps)
    spans = [(int(step) - 1, int(step)) for step in own]
    for log in logs:
        before = known[known < log]
        spans.append((int(before[-1]) if len(before) else 0, int(log)))
    found: set[int] = set()
    for begin, end in spans:
        left_out = [step for step in skips if begin < step <= end]
        taken_back = [step for step in backs if step > begin][:1]
        if not left_out and not taken_back:
            return []
        found.update(left_out or taken_back)
    return sorted(found)


def _bad(column: Column) -> Marks:
    return column.steps[~np.isfinite(column.values)]


def _above_zero(trace: Trace, name: str) -> Marks:
    column = trace.column(name).finite
    return column.steps[column.values > 0]


def _unanswered(trace: Trace, steps: Marks) -> Marks:
    """The logs whose values no guard dealt with since the log before."""
    answered = np.array([i.step for i in trace.interventions if i.kind in ANSWERS], dtype=np.int64)
    if not len(answered) or not len(steps):
        return steps
    logs = np.union1d(trace.column("loss").steps, trace.column("raw_loss").steps)
    before = np.array([max(logs[logs < step], default=0) for step in steps])
    dealt_with = (answered > before[:, None]) & (answered <= steps[:, None])
    return steps[~dealt_with.any(axis=1)]


def _when(trace: Trace, steps: Marks) -> str:
    """From where on, or between which steps where losses were finite again."""
    first, last = int(steps[0]), int(steps[-1])
    losses = trace.column("raw_loss" if "raw_loss" in trace.columns else "loss").finite
    if not ((losses.steps > last) & (losses.values != 0)).any():
        return f"from the log at step {first:,} on"
    logs = "in the log" if len(steps) == 1 else f"in {counted(len(steps), 'log')} from the one"
    until = "" if len(steps) == 1 else f" to step {last:,}"
    return f"{logs} at step {first:,}{until}, and finite again afterwards"


def _last_gradient(trace: Trace) -> int:
    columns = (trace.column("grad_norm"), trace.column("nonfinite_gradients"))
    return max(int(column.steps[-1]) for column in columns if len(column))


def _weights(trace: Trace) -> str:
    column = trace.column("nonfinite_parameters").finite
    count = int(column.values[-1]) if len(column) else 0
    return f", and {counted(count, 'sampled weight')} too at the end" if count else ""
