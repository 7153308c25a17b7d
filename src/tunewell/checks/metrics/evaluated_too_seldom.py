"""MET036: too few evaluations to tell which step was best."""

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
    SetKey,
    Severity,
    Steps,
)
from tunewell.core.words import counted
from tunewell.facts.curves import evidence, is_reward_training
from tunewell.facts.evaluation_time import evaluation_seconds, run_seconds
from tunewell.facts.recipe import change
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace

OF_THE_FALL = 0.25

ENOUGH = 10
"""Evaluations that a run is given by the fix."""


@check(
    "MET036",
    category=Category.SUSPICIOUS,
    severity=Severity.INFO,
    confidence=Confidence.MEDIUM,
)
def evaluated_too_seldom(
    trace: Trace,
    recipe: Recipe | None,
    *,
    few: int = 4,
    min_steps: int = 100,
    max_cost: float = 0.05,
    min_turn: float = 0.5,
) -> Iterator[Finding]:
    """Evaluations so far apart that the best model may lie between two of them.

    ## What it finds
    A run with an evaluation set and fewer than four evaluations, where more would cost next to
    nothing; and a run whose evaluation loss turns so sharply at its lowest value that nobody knows
    how good the models around it were.

    ## Why it matters
    A checkpoint can only be chosen among the steps that were judged. Fewer than four values show no
    turn, and nothing stops a run that has begun to overfit.

    ## How it is measured
    Fewer than `few` evaluations (4: two before a turn and two after it), in a run of at least
    `min_steps` steps (100), where `few` of them would take less than `max_cost` of the run's time
    (0.05, by the time that one of them took); while the run goes on, as many as its distance so far
    and `max_steps` let expect. Else, where the lowest evaluation is neither the first nor the last:
    the evaluations before and after it both lie above it by `min_turn` of its value (0.5, five
    times the difference at which the check of the kept model speaks) and by a quarter of the
    fall since the first evaluation, because a loss near 0 doubles over nothing. Told as
    information. Runs that log rewards are left out.

    ## Example
    2,000 steps and evaluations at 1,000 and 2,000, 4 seconds each in a run of an hour.

    ## Fix
    `eval_strategy = "steps"` with a tenth of the run between evaluations, and `save_steps` alike.

    ## When it is wrong
    When the run repeats one whose number of steps is settled.

    ## Sources
    No fault of the catalogue. The bounds are judgements, which is why it is information.
    """
    judged = trace.column("eval_loss").finite
    if not len(judged) or is_reward_training(trace):
        reason = "the run has no evaluation loss yet, or it says nothing by its level"
        raise NotApplicableError(reason)
    steps = max(trace.last_step, trace.max_steps or 0) if not trace.finished else trace.last_step
    expected = len(judged)
    if not trace.finished:
        expected = max(expected, int(steps // max(int(judged.steps[0]), 1)))
    each, whole = evaluation_seconds(trace), run_seconds(trace)
    if expected < few and steps >= min_steps and each is not None and whole:
        whole *= steps / max(trace.last_step, 1)
        one = float(np.median(each.values))
        if few * one < max_cost * whole:
            yield _finding(
                trace,
                recipe,
                f"{counted(expected, 'evaluation')} in {steps:,} steps "
                f"{'show' if expected > 1 else 'shows'} no turn of the curve; one takes "
                f"{one:.2g} s of a run of {whole / 60:.2g} min",
                Number(name="evaluations", value=expected, bound=f"{few} or more"),
                judged,
            )
        return
    turn = _turn(judged)
    if turn > min_turn:
        step = int(judged.steps[judged.values.argmin()])
        yield _finding(
            trace,
            recipe,
            f"the evaluations before and after the best one, at step {step:,}, both lie "
            f"{100 * turn:.0f} % or more above it: where between them the best model was is not "
            "known",
            Number(
                name="nearer of the two neighbours of the lowest evaluation, above it",
                value=100 * turn,
                unit="%",
                bound=f"at most {100 * min_turn:g} %",
            ),
            judged,
        )


def _turn(judged: Column) -> float:
    """How far both neighbours of the lowest evaluation lie above it, 0 at an end."""
    at = int(judged.values.argmin())
    lowest = float(judged.values[at])
    if not 0 < at < len(judged) - 1 or lowest <= 0:
        return 0.0
    rise = float(min(judged.values[at - 1], judged.values[at + 1])) - lowest
    fell = float(judged.values[0]) - lowest
    return rise / lowest if rise > OF_THE_FALL * fell else 0.0


def _finding(
    trace: Trace, recipe: Recipe | None, message: str, number: Number, judged: Column
) -> Finding:
    every = max(1, max(trace.last_step, trace.max_steps or 0) // ENOUGH)
    title = f"evaluate every {every:,} steps"
    edits: tuple[SetKey, ...] = ()
    if recipe is not None and recipe.format != "tunewell":
        edits = (
            change(recipe, "saving.eval_strategy", "steps"),
            change(recipe, "saving.eval_steps", every),
        )
    return Finding(
        message=message,
        where=(Steps(metric="eval_loss", first=int(judged.steps[0]), last=int(judged.steps[-1])),),
        evidence=(number, evidence("eval_loss", judged)),
        impact="the best checkpoint cannot be told, and a turn for the worse is seen late",
        fixes=(Fix(title=title, safety=Safety.UNSAFE if edits else Safety.MANUAL, edits=edits),),
    )
