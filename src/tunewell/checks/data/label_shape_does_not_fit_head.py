"""DAT111: labels of another shape than the model's head."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Key, Number, Safety, Severity, Text
from tunewell.facts.first_step import Cause, cause, shape_problem
from tunewell.subjects.first_step import FirstStep


@check("DAT111", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D62",))
def label_shape_does_not_fit_head(step: FirstStep, *, max_raised: int = 0) -> Iterator[Finding]:
    """Labels whose shape does not fit the head: a label a token for an answer a row, and others.

    ## What it finds
    A label for each token where the head gives one answer a row, one label a row where it gives one
    a token, vectors where it takes the number of a class, and the other way round.

    ## Why it matters
    Training stops with two sizes that do not match, and the message says nothing of labels. Where
    sizes happen to agree, it trains on nonsense.

    ## How it is measured
    The first batch is brought up to the loss on a copy of the model. If that raises, the shape of
    the labels is held against the head: its task, `num_labels` and `problem_type`. More than
    `max_raised` such failures, 0 by default, is an error.

    ## Example
    Tags of words on `BertForSequenceClassification`: "Expected input batch_size (4) to match target
    batch_size (128)".

    ## Fix
    Take the class of the task, or give the labels its shape.

    ## When it is wrong
    When the loss is the user's own and raises for another reason.

    ## Sources
    Fault D62 of the catalogue, reproduced with transformers 5.23.
    """
    head = step.head
    if head is None:
        reason = "the model is no classifier of rows or tokens"
        raise NotApplicableError(reason)
    if cause(step) is not Cause.SHAPE or int(step.raised is not None) <= max_raised:
        return
    labels, ids = step.inputs["labels"], step.inputs["input_ids"]
    yield Finding(
        message=f"{step.model} cannot learn these labels: {shape_problem(step)}",
        where=(Key(path="labels"),),
        evidence=(
            Text(name="what it raises", text=str(step.raised)),
            Text(name="shapes", text=f"labels {labels}, input_ids {ids}, {head.outputs} outputs"),
            Number(name="failures", value=1, bound=f"at most {max_raised}"),
        ),
        impact="training stops at the first batch",
        fixes=(Fix(title=_remedy(step), safety=Safety.MANUAL),),
    )


def _remedy(step: FirstStep) -> str:
    labels, ids = step.inputs["labels"], step.inputs["input_ids"]
    head = step.head
    if step.task == "token":
        return "take a model for sequence classification, or give each token a label"
    if head is not None and head.problem == "multi_label_classification":
        return "set problem_type to single_label_classification, or give a vector of 0.0 and 1.0"
    if labels == ids:
        return (
            "take a model for token classification; if the collator made these labels "
            "(DataCollatorForLanguageModeling), take DataCollatorWithPadding"
        )
    return (
        "give the number of the class; if a row may have several, give a vector of 0.0 and 1.0 "
        "(floats) and set problem_type to multi_label_classification"
    )
