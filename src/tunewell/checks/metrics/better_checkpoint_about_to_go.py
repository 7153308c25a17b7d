"""MET034: the best checkpoint so far is the next to be deleted."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Mark,
    Number,
    Safety,
    Severity,
    Steps,
)
from tunewell.facts.curves import evidence, noise
from tunewell.subjects.trace import Column, Trace

METRIC = "eval_loss"


@check(
    "MET034",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("S29",),
)
def better_checkpoint_about_to_go(
    trace: Trace, *, min_worse: float = 0.1, min_evaluations: int = 3
) -> Iterator[Finding]:
    """While a run goes on: the checkpoint that evaluated best is the next that it deletes.

    ## What it finds
    A running training with `save_total_limit` and without `load_best_model_at_end`, whose best
    checkpoint is the oldest that is left and clearly better than the model now. Saving once more
    deletes it.

    ## Why it matters
    Now it can be copied; after the next save it would have to be trained again.

    ## How it is measured
    The checkpoints on disk are those that the run tells of, or the steps at which it was seen to
    save, the last `save_total_limit` of them. The best evaluation must belong to the oldest of
    them, and no later evaluation may be better. The last evaluation must be worse by `min_worse` of
    the best value (0.1, as for the check of the kept model) and by three times the scatter of the
    curve, after at least `min_evaluations` evaluations (3). Runs that choose by a metric are left
    out: their trainer spares the best checkpoint by itself.

    ## Example
    `save_total_limit` 2; evaluation loss 0.41 at step 400, 0.47 and 0.55 after it; checkpoints 400
    and 500 are left and the next is saved at 600.

    ## Fix
    Copy the checkpoint. In the next run `load_best_model_at_end`, which never deletes the best.

    ## When it is wrong
    When something else copies the checkpoints, or the last model is wanted whatever it scores.

    ## Sources
    `rotate_checkpoints` of transformers 5.23: only the best one known to the trainer is spared, and
    it knows one only where `metric_for_best_model` is set. Fault S29 of the catalogue.
    """
    limit = trace.settings.get("save_total_limit")
    if trace.finished or not isinstance(limit, int) or limit < 1:
        reason = "the run is over, or keeps all of its checkpoints"
        raise NotApplicableError(reason)
    known = trace.metric_for_best is not None or trace.best_step is not None
    if trace.settings.get("load_best_model_at_end") or known:
        reason = "the trainer knows its best checkpoint, and spares it"
        raise NotApplicableError(reason)
    values = trace.column(METRIC).finite
    if len(values) < min_evaluations:
        reason = f"it takes {min_evaluations} evaluation losses"
        raise NotApplicableError(reason)
    saved = trace.saved_steps or tuple(trace.column("saving_seconds").steps.tolist())
    kept = tuple(sorted(saved))[-limit:]
    best = int(values.values.argmin())
    step, lowest = int(values.steps[best]), float(values.values[best])
    worse = float(values.values[-1]) - lowest
    if len(kept) < limit or step != kept[0] or not _more_to_come(trace, kept):
        return
    if worse <= min_worse * abs(lowest) or worse <= 3 * noise(values.values):
        return
    yield _finding(trace, values, kept=kept, best=best)


def _more_to_come(trace: Trace, kept: tuple[int, ...]) -> bool:
    """Whether the run will save again before it ends, as far as the distance so far tells."""
    if trace.max_steps is None:
        return True
    every = kept[-1] - kept[-2] if len(kept) > 1 else 1
    return kept[-1] + every <= trace.max_steps


def _finding(trace: Trace, values: Column, *, kept: tuple[int, ...], best: int) -> Finding:
    step, had = int(values.steps[best]), float(values.values[best])
    now = float(values.values[-1])
    return Finding(
        message=(
            f"checkpoint-{step} evaluated best so far ({METRIC} {had:.3g}; now {now:.3g}), and the "
            f"next save deletes it: save_total_limit is {trace.settings['save_total_limit']}"
        ),
        where=(Steps(metric=METRIC, first=step, last=int(values.steps[-1])),),
        evidence=(
            evidence(METRIC, values, Mark(step=step, text="best")),
            Number(
                name="checkpoints left",
                value=len(kept),
                bound=f"save_total_limit {trace.settings['save_total_limit']}",
            ),
        ),
        impact="the best model so far will be gone",
        fixes=(
            Fix(
                title=f"copy checkpoint-{step} now; in the next run set load_best_model_at_end",
                safety=Safety.MANUAL,
            ),
        ),
    )
