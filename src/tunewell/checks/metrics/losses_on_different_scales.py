"""MET030: training and evaluation loss are not on the same scale."""

from __future__ import annotations

import math
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
from tunewell.facts.curves import evidence, is_reward_training
from tunewell.facts.metric_names import evaluation_sets
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import EMPTY, Column, Trace

AROUND = 3
"""Logged training losses on each side of an evaluation that it is held against."""

EARLY = 3
"""Evaluations that are looked at: later ones also differ because rows are learned by heart."""


@check(
    "MET030",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("E18",),
)
def losses_on_different_scales(
    trace: Trace,
    recipe: Recipe | None,
    *,
    max_off: float = 1.25,
    max_start_off: float = 1.5,
    max_learned: float = 0.1,
) -> Iterator[Finding]:
    """Training loss is logged on another scale than evaluation loss.

    ## What it finds
    A logged training loss that is the sum over the accumulated batches and not their mean; and, as
    information, an evaluation loss that differs widely from the training loss before anything was
    learned.

    ## Why it matters
    The gap between the two curves is read as over- or underfitting, and here it is arithmetic. A
    summed loss also has a summed gradient: the learning rate works as if it were larger, and
    clipping hides it.

    ## How it is measured
    Each of the first three evaluations is held against the median of the three logged losses before
    and after it: all of the ratios must lie within a factor of `max_off` (1.25, the catalogue's
    tolerance) of `gradient_accumulation_steps`, and outside that factor of 1. Before the training
    loss has moved by `max_learned` (0.1) from where it began the two should agree; a ratio beyond
    `max_start_off` (1.5) there, and beyond three standard errors of those losses, is told as
    information, because the rows of the two sets may differ. Runs with label smoothing or NEFTune,
    whose training loss is another one on purpose, and runs that log rewards are left out.

    ## Example
    8 accumulated batches; training loss 17.9 where the evaluation has 2.2.

    ## Fix
    `trainer.model_accepts_loss_kwargs = False` before training where the model takes
    `num_items_in_batch` among its keyword arguments and ignores it, as classifiers of transformers
    5.15 to 5.23 do: the Trainer believes it and does not divide. In a loop of one's own, divide.

    ## When it is wrong
    When the evaluation rows are as much easier than the training rows as there are accumulated
    batches.

    ## Sources
    transformers issue 35204, axolotl issue 3196; fault E18 of the catalogue, reproduced with
    transformers 5.23.
    """
    if is_reward_training(trace):
        reason = "the run logs rewards: the level of its loss says nothing"
        raise NotApplicableError(reason)
    settings = trace.settings
    if settings.get("label_smoothing_factor") or settings.get("neftune_noise_alpha"):
        reason = "label smoothing or noise makes the training loss another one on purpose"
        raise NotApplicableError(reason)
    told = settings.get("gradient_accumulation_steps")
    if told is None and recipe is not None:
        told = recipe.gradient_accumulation_steps
    batches = told if isinstance(told, int) else 1
    logged = trace.column("loss").finite
    judged = _first_evaluations(trace)
    if not len(judged) or len(logged) < 2 * AROUND or judged.values.min() <= 0:
        reason = f"it takes an evaluation loss above 0 and {2 * AROUND} logged training losses"
        raise NotApplicableError(reason)
    ratios = np.array(
        [
            _around(logged, int(step)) / value
            for step, value in zip(judged.steps, judged.values, strict=True)
        ]
    )
    if bool((ratios <= 0).any()):
        return
    off = np.abs(np.log(ratios / batches))
    if (
        batches > 1
        and len(ratios) >= 2  # noqa: PLR2004  one may be chance
        and bool((off < math.log(max_off)).all())
        and bool((np.abs(np.log(ratios)) > math.log(max_off)).all())
    ):
        yield _summed(trace, float(np.median(ratios)), batches)
        return
    first = _untrained(logged, int(judged.steps[0]), max_learned)
    if first is None:
        return
    level, error = first
    ratio = level / float(judged.values[0])
    gap = abs(level - float(judged.values[0]))
    if max(ratio, 1 / ratio) > max_start_off and gap > 3 * error:
        yield _from_the_start(trace, ratio, judged, logged)


def _first_evaluations(trace: Trace) -> Column:
    names = [f"eval_{name}_loss" for name in evaluation_sets(trace)]
    columns = [trace.column(name).finite for name in (*names, "eval_loss")]
    judged = next((column for column in columns if len(column)), EMPTY)
    return Column(judged.steps[:EARLY], judged.values[:EARLY])


def _around(logged: Column, step: int) -> float:
    at = int(np.searchsorted(logged.steps, step, side="right"))
    return float(np.median(logged.values[max(0, at - AROUND) : at + AROUND]))


def _untrained(logged: Column, step: int, max_learned: float) -> tuple[float, float] | None:
    """The level and its standard error before anything is learned; None where something was."""
    upto = int(np.searchsorted(logged.steps, step, side="right"))
    seen = logged.values[: max(upto, AROUND)]
    if len(seen) < AROUND or seen[:AROUND].mean() <= 0:
        return None
    began = float(np.median(seen[:AROUND]))
    if abs(float(np.median(seen[-AROUND:])) - began) > max_learned * began:
        return None
    return float(np.median(seen)), float(seen.std(ddof=1) / math.sqrt(len(seen)))


def _summed(trace: Trace, ratio: float, batches: int) -> Finding:
    logged = trace.column("loss")
    return Finding(
        message=(
            f"the logged training loss is {ratio:.3g} times the evaluation loss, and {batches:,} "
            "batches are accumulated: it is their sum and not their mean"
        ),
        where=(Steps(metric="loss", first=int(logged.steps[0]), last=int(logged.steps[-1])),),
        evidence=(
            Number(name="training loss against evaluation loss", value=ratio, bound="1"),
            evidence("loss", logged),
            *((evidence("eval_loss", e),) if len(e := trace.column("eval_loss")) else ()),
        ),
        impact=f"the curves cannot be compared, and the gradient is {batches:,} times too large",
        fixes=(
            Fix(
                title="set trainer.model_accepts_loss_kwargs = False before training, or divide "
                "the loss by the accumulated batches",
                safety=Safety.MANUAL,
            ),
        ),
    )


def _from_the_start(trace: Trace, ratio: float, judged: Column, logged: Column) -> Finding:
    step = int(judged.steps[0])
    return Finding(
        message=(
            f"before anything was learned the training loss is {ratio:.2g} times the evaluation "
            f"loss ({float(judged.values[0]):.3g} at step {step:,}): the rows differ, or the two "
            "losses are computed in different ways"
        ),
        where=(Steps(metric="eval_loss", first=step, last=step),),
        evidence=(
            Number(name="training loss against evaluation loss", value=ratio, bound="about 1"),
            evidence("loss", logged),
            evidence("eval_loss", trace.column("eval_loss")),
        ),
        impact="the gap between the two curves says nothing of overfitting",
        fixes=(Fix(title="evaluate on some training rows, and compare", safety=Safety.MANUAL),),
        severity=Severity.INFO,
    )
