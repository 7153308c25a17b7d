"""MET013: the rows that choose the checkpoint are those that are to judge it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Location,
    LogLine,
    Number,
    Safety,
    Severity,
    Text,
)
from tunewell.facts.parts import questions
from tunewell.facts.recipe import place
from tunewell.facts.trainer_script import made_trainers, mentions, trainer_methods
from tunewell.subjects.dataset import Dataset
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script

TEST = re.compile(r"(?<![a-z])test(?![a-z])", re.IGNORECASE)
"""The word in a name such as test_ds, ds["test"] or tokenized_test."""

SPLITTER = "train_test_split"
REPORTING = (("predict", "test_dataset"), ("evaluate", "eval_dataset"))
LEAST_WORDS = 2
"""A test row that is one word long may be in the evaluation rows by chance."""


@check(
    "MET013",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("E21",),
)
def chosen_on_the_test_rows(
    recipe: Recipe, script: Script | None, dataset: Dataset | None, *, same_share: float = 0.5
) -> Iterator[Finding]:
    """The best checkpoint is chosen on the test rows, so that their score is too high.

    ## What it finds
    With `load_best_model_at_end` or early stopping:

    - a script whose `eval_dataset` is called "test", and which scores the same rows at the end;
    - one whose `eval_dataset` is called "test" and which makes no split of its own;
    - evaluation rows that hold `same_share` or more of the test rows.

    ## Why it matters
    The best of many evaluations is better than the model by chance alone. Reported as the test
    score it cannot be repeated on new rows.

    ## How it is measured
    By the text of the script. Where it calls `train_test_split`, whose second part is named "test"
    too, the name alone says nothing. Of the data, by equal rows of two words or more. `same_share`
    is 50 %: fewer are for the check of leakage to say.

    ## Example
    `Trainer(eval_dataset=imdb["test"])` with the best model loaded, and `trainer.evaluate()`.

    ## Fix
    Split evaluation rows off the training rows, and keep the test rows for the last word.

    ## When it is wrong
    When the rows called "test" are not the ones that are reported.

    ## Sources
    Cawley and Talbot 2010, "On Over-fitting in Model Selection and Subsequent Selection Bias";
    fault E21 of the catalogue.
    """
    if not recipe.load_best_model_at_end and recipe.early_stopping_patience is None:
        reason = "no checkpoint is chosen by its score"
        raise NotApplicableError(reason)
    by_name = None if script is None else _by_name(recipe, script)
    if by_name is not None:
        yield by_name
    elif dataset is not None:
        yield from _by_rows(recipe, dataset, same_share)


def _by_name(recipe: Recipe, script: Script) -> Finding | None:
    for made in made_trainers(script):
        rows = made.arguments.get("eval_dataset", "")
        if not TEST.search(rows.replace(SPLITTER, "")):
            continue
        scored = [
            call
            for method, argument in REPORTING
            for call in trainer_methods(script, method)
            if call.arguments.get(argument) == rows
        ]
        if not scored and mentions(script, SPLITTER):
            continue
        where: tuple[Location, ...] = (
            LogLine(file=str(script.path), line=made.line),
            *(LogLine(file=str(script.path), line=call.line) for call in scored),
            place(recipe, "load_best_model_at_end"),
        )
        return _finding(
            f"the checkpoint is chosen on {rows}"
            + (", and the same rows give the final score" if scored else ""),
            where,
            (Text(name="eval_dataset", text=rows),),
        )
    return None


def _by_rows(recipe: Recipe, dataset: Dataset, same_share: float) -> Iterator[Finding]:
    evaluation, test = dataset.evaluation, dataset.test
    if evaluation is None or test is None:
        return
    known = set(questions(evaluation))
    telling = [text for text in questions(test) if len(text.split()) >= LEAST_WORDS]
    same = sum(text in known for text in telling)
    if not telling or same < same_share * len(telling):
        return
    share = 100 * same / len(telling)
    yield _finding(
        f"the checkpoint is chosen on {share:.0f} % of the test rows: they are evaluation rows too",
        (
            File(path=str(evaluation.source.path)),
            File(path=str(test.source.path)),
            place(recipe, "load_best_model_at_end"),
        ),
        (
            Number(
                name="test rows among the evaluation rows",
                value=share,
                unit="%",
                bound=f"below {100 * same_share:g} %",
            ),
        ),
    )


def _finding(
    message: str, where: tuple[Location, ...], evidence: tuple[Text | Number, ...]
) -> Finding:
    return Finding(
        message=message,
        where=where,
        evidence=evidence,
        impact="the test score is better than the model",
        fixes=(
            Fix(
                title="choose on rows split off the training rows, and test on the others once",
                safety=Safety.MANUAL,
            ),
        ),
    )
