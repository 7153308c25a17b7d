"""DAT112: a column that the loss or the collator needs and the trainer takes out."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import Category, Finding, Fix, Key, Number, Safety, Severity, Table, Text
from tunewell.facts.first_step import Cause, cause, label_columns, wanted_column
from tunewell.facts.recipe import change
from tunewell.subjects.first_step import FirstStep
from tunewell.subjects.recipe import Recipe

REMOVES = "preparation.remove_unused_columns"


@check("DAT112", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D22", "D23"))
def column_taken_out(step: FirstStep, recipe: Recipe, *, max_raised: int = 0) -> Iterator[Finding]:
    """Columns that the labels, the loss or the collator need and that never arrive.

    ## What it finds
    - a label column under a name that the model's forward does not take, so that there is no loss;
    - a column that a `compute_loss` or a collator of the user's own asks for by name, and that the
      trainer has taken out because forward does not take it.

    ## Why it matters
    Training stops at the first batch. The message names the key that is missing and not that the
    data set has it, so that people look for the fault in their data.

    ## How it is measured
    The first batch is brought up to the loss on a copy. If that raises a missing key or a missing
    loss, the columns that the trainer takes out (`remove_unused_columns`) are searched for it. More
    than `max_raised` such failures, 0 by default, is an error.

    ## Example
    A column `target`: "The model did not return a loss from the inputs, only the following keys:
    logits".

    ## Fix
    Rename the label column to `labels`; set `remove_unused_columns` to false for columns that your
    own code reads, and have the collator or the loss take them out.

    ## When it is wrong
    When the labels are made elsewhere and the failure has another reason.

    ## Sources
    Faults D22 and D23 of the catalogue, reproduced with transformers 5.23;
    https://github.com/huggingface/transformers/issues/25054
    """
    why = cause(step)
    if why not in (Cause.DROPPED, Cause.LABELS) or int(step.raised is not None) <= max_raised:
        return
    if why is Cause.DROPPED and not recipe.preparation.remove_unused_columns:
        return
    wanted = wanted_column(step)
    names = [column.name for column in label_columns(step.dropped)]
    fixes: tuple[Fix, ...]
    if why is Cause.DROPPED:
        what = f"column {wanted.name!r}" if wanted is not None else "every column"
        reader = "the collator" if step.collating else "the loss"
        message = (
            f"{what} is taken out before {reader} sees it, because the forward of {step.model} "
            "does not take it (remove_unused_columns)"
        )
        fixes = (
            Fix(
                title="keep every column, and leave it to your own code to take them out",
                safety=Safety.UNSAFE,
                edits=(change(recipe, REMOVES, False),),
            ),
        )
        places = [wanted.name] if wanted is not None else [c.name for c in step.dropped]
    elif names:
        message = (
            f"there is no loss: no column is called {_listed(step)}, and the trainer takes out "
            f"{names[0]!r}, which looks like the labels"
        )
        fixes = (Fix(title=f"rename column {names[0]!r} to 'labels'", safety=Safety.MANUAL),)
        places = names[:1]
    else:
        message = f"there is no loss: the batch has no labels ({_listed(step)})"
        fixes = (Fix(title="give the training set a column of labels", safety=Safety.MANUAL),)
        places = list(step.label_names)
    yield Finding(
        message=message,
        where=tuple(Key(path=name) for name in places),
        evidence=(
            Text(name="what it raises", text=str(step.raised)),
            Number(name="failures", value=1, bound=f"at most {max_raised}"),
            Table(
                name="columns of the training set",
                columns=("column", "holds", "reaches the collator"),
                rows=tuple((c.name, c.kind, "yes" if c.kept else "no") for c in step.columns),
                total=len(step.columns),
            ),
        ),
        impact="training stops at the first batch",
        fixes=fixes,
    )


def _listed(step: FirstStep) -> str:
    return " or ".join(repr(name) for name in step.label_names) or "labels"
