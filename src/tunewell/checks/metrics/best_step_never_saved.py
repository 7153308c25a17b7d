"""MET010: the best checkpoint is asked for, and cannot be kept."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    SetKey,
    Severity,
)
from tunewell.facts.recipe import change, place
from tunewell.facts.run_length import in_steps, planned_steps, times
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe

EVALUATIONS = 5
"""Evaluations of a run that the fix makes, where the recipe has one alone."""

MILLION = 1_000_000
"""Shares of a run are compared in millionths, as transformers does."""


@check("MET010", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E05",))
def best_step_never_saved(
    recipe: Recipe, dataset: Dataset | None, *, fewest_evaluations: int = 2
) -> Iterator[Finding]:
    """The best checkpoint is to be loaded at the end, but the steps that are judged are not saved.

    ## What it finds
    With `load_best_model_at_end`:

    - evaluation and saving that do not go together, which transformers refuses before it trains;
    - no evaluation and no saving at all, where nothing is ever loaded;
    - a run that is evaluated several times and saved at its last step alone;
    - evaluated steps of which only some are saved (a warning);
    - a run with fewer than `fewest_evaluations` evaluations, so that nothing is chosen (a warning).

    ## Why it matters
    The Trainer remembers at which step the metric was best, and looks for a checkpoint of that step
    when it saves. Where there is none it keeps the last model, or an older one that was saved, and
    says nothing.

    ## How it is measured
    From the settings, and from the length of the run (`max_steps`, or the rows of the training
    data). `save_steps` must be a whole multiple of `eval_steps`: any other value is refused. Each
    evaluated step is saved only where the two are equal. The Trainer also evaluates and saves at
    the last step. `fewest_evaluations` is 2: of one there is no best.

    ## Example
    200 steps, `eval_steps` 20 and `save_steps` 500: nine of ten evaluations have no checkpoint.

    ## Fix
    Give `save_steps` the value of `eval_steps`, or set `save_strategy` to "best".

    ## When it is wrong
    When the last model happens to be the best one, nothing is lost.

    ## Sources
    `TrainingArguments._validate_args`, `DefaultFlowCallback.on_step_end` and
    `Trainer._save_checkpoint` of transformers 5.23; fault E05 of the catalogue, reproduced with it.
    """
    saving = recipe.saving
    if not recipe.load_best_model_at_end or recipe.format == "tunewell":
        reason = "no best checkpoint is asked for, or Tunewell itself keeps it"
        raise NotApplicableError(reason)
    if saving.save_strategy == "best":
        reason = "a checkpoint is saved whenever the metric is best"
        raise NotApplicableError(reason)
    if saving.eval_strategy != saving.save_strategy:
        yield _strategies_differ(recipe)
    elif saving.eval_strategy == "no":
        yield _nothing_judged(recipe)
    elif saving.eval_strategy == "steps":
        yield from _by_steps(recipe, planned_steps(recipe, dataset), fewest_evaluations)


def _by_steps(recipe: Recipe, total: int | None, fewest_evaluations: int) -> Iterator[Finding]:
    """What a run that is evaluated and saved by the step, `total` steps long, makes of both."""
    judged = recipe.saving.eval_steps or recipe.saving.logging_steps
    saved = recipe.saving.save_steps
    if _refused(judged, saved):
        yield _out_of_step(recipe, judged)
    elif total is None:
        if saved > judged:
            yield _partly_saved(recipe, judged, None)
    else:
        evaluations = times(in_steps(judged, total), total)
        saves = times(in_steps(saved, total), total)
        if evaluations < fewest_evaluations:
            yield _one_evaluation(recipe, judged, total, fewest_evaluations)
        elif saves < evaluations:
            yield _partly_saved(recipe, judged, (evaluations, saves))


def _refused(judged: float, saved: float) -> bool:
    """Whether transformers raises for this pair of distances."""
    if saved % judged == 0:
        return False
    if judged < 1 and saved < 1:
        return (saved * MILLION) % (judged * MILLION) != 0
    return True


def _where(recipe: Recipe, *paths: str) -> tuple[Key, ...]:
    """The settings that are at odds, and the one that makes them so."""
    return tuple(place(recipe, path) for path in (*paths, "load_best_model_at_end"))


def _as_evaluated(recipe: Recipe, judged: float) -> Fix:
    steps = int(judged) if judged >= 1 else judged
    return Fix(
        title=f"save where it is evaluated: save_steps {steps:g}",
        safety=Safety.UNSAFE,
        edits=(change(recipe, "saving.save_steps", steps),),
    )


def _strategies_differ(recipe: Recipe) -> Finding:
    saving = recipe.saving
    wanted = saving.save_strategy if saving.eval_strategy == "no" else saving.eval_strategy
    edits: list[SetKey] = [
        change(recipe, f"saving.{name}", wanted)
        for name in ("eval_strategy", "save_strategy")
        if getattr(saving, name) != wanted
    ]
    if wanted == "steps":
        judged = saving.eval_steps or saving.logging_steps
        edits.append(change(recipe, "saving.save_steps", int(judged) if judged >= 1 else judged))
    return Finding(
        message=(
            f"the run is refused: load_best_model_at_end wants evaluation and saving to go "
            f"together, but it is evaluated by {saving.eval_strategy!r} and saved by "
            f"{saving.save_strategy!r}"
        ),
        where=_where(recipe, "saving.save_strategy", "saving.eval_strategy"),
        impact="transformers raises before the first step",
        fixes=(
            Fix(
                title=f"evaluate and save by {wanted!r}",
                safety=Safety.UNSAFE,
                edits=tuple(edits),
            ),
        ),
    )


def _nothing_judged(recipe: Recipe) -> Finding:
    return Finding(
        message=(
            "load_best_model_at_end has nothing to load: the run is neither evaluated nor saved, "
            "and the last model is kept without a word"
        ),
        where=_where(recipe, "saving.eval_strategy"),
        severity=Severity.WARNING,
        impact="the last model is taken for the best",
        fixes=(
            Fix(
                title="evaluate and save by the epoch",
                safety=Safety.UNSAFE,
                edits=(
                    change(recipe, "saving.eval_strategy", "epoch"),
                    change(recipe, "saving.save_strategy", "epoch"),
                ),
            ),
        ),
    )


def _out_of_step(recipe: Recipe, judged: float) -> Finding:
    return Finding(
        message=(
            "the run is refused: load_best_model_at_end wants save_steps to be a whole multiple "
            f"of eval_steps, and {recipe.saving.save_steps:g} is none of {judged:g}"
        ),
        where=_where(recipe, "saving.save_steps", "saving.eval_steps"),
        impact="transformers raises before the first step",
        fixes=(_as_evaluated(recipe, judged),),
    )


def _partly_saved(recipe: Recipe, judged: float, counts: tuple[int, int] | None) -> Finding:
    save_steps = recipe.saving.save_steps
    if counts is None:
        said = f"only one in {save_steps / judged:g} evaluated steps is saved"
    elif counts[1] == 1:
        said = f"of {counts[0]} evaluated steps only the last is saved"
    else:
        said = f"of {counts[0]} evaluated steps only {counts[1]} are saved"
    hopeless = counts is not None and counts[1] == 1
    return Finding(
        message=(
            f"{said} (evaluated every {judged:g}, saved every {save_steps:g}): the best model "
            "cannot be loaded unless it is among them"
        ),
        where=_where(recipe, "saving.save_steps", "saving.eval_steps"),
        severity=Severity.ERROR if hopeless else Severity.WARNING,
        evidence=(Number(name="save_steps", value=save_steps, bound=f"{judged:g}", unit="steps"),),
        impact="another model than the best is kept, and nothing says so",
        fixes=(_as_evaluated(recipe, judged),),
    )


def _one_evaluation(recipe: Recipe, judged: float, total: int, fewest: int) -> Finding:
    every = max(1, total // max(EVALUATIONS, fewest))
    return Finding(
        message=(
            f"the best model is chosen of one: the run has {total:,} steps and is evaluated every "
            f"{judged:g}, which is once, at its end"
        ),
        where=_where(recipe, "saving.eval_steps"),
        severity=Severity.WARNING,
        confidence=Confidence.MEDIUM,
        evidence=(
            Number(
                name="evaluations",
                value=math.ceil(total / in_steps(judged, total)),
                bound=f"at least {fewest}",
            ),
        ),
        impact="the last model is kept, whatever happened before",
        fixes=(
            Fix(
                title=f"evaluate and save every {every} steps",
                safety=Safety.UNSAFE,
                edits=(
                    change(recipe, "saving.eval_steps", every),
                    change(recipe, "saving.save_steps", every),
                ),
            ),
        ),
    )
