"""DAT123: a trainer whose training set has no row."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Key, Number, Safety, Severity
from tunewell.core.words import counted
from tunewell.facts.first_step import Cause, cause
from tunewell.subjects.first_step import FirstStep

PREFERENCES = frozenset({"preference", "unpaired"})


@check("DAT123", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("R03",))
def no_training_rows(step: FirstStep, *, min_rows: int = 1) -> Iterator[Finding]:
    """A training set that holds no row once the trainer has prepared it.

    ## What it finds
    A trainer object whose training set is empty, although its file may be full: what prepares the
    rows has taken all of them out.

    ## Why it matters
    Training stops with "num_samples should be a positive integer value", which says nothing of why.

    ## How it is measured
    By the length of the trainer's own training set: fewer rows than `min_rows`, 1 by default. Sets
    that do not tell their length are left alone.

    ## Example
    DPO with prompts that fill `max_length`: TRL takes each such row out.

    ## Fix
    Raise `max_length`, or look at what filters the rows.

    ## When it is wrong
    When the trainer is only to evaluate.

    ## Sources
    Fault R03 of the catalogue, reproduced with TRL 1.16 (DPO and reward).
    """
    if cause(step) is not Cause.EMPTY or min_rows < 1:
        return
    title = "look at what filters the rows"
    if step.task in PREFERENCES:
        title = "raise max_length: TRL takes rows out that do not fit, and says nothing"
    yield Finding(
        message=f"the training set that {step.trainer} has in the end holds no row",
        where=(Key(path="train_dataset"),),
        evidence=(
            Number(
                name="training rows",
                value=0,
                unit="rows",
                bound=f"at least {counted(min_rows, 'row')}",
            ),
        ),
        impact="there is nothing to train on, and training stops before its first step",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
    )
