"""FIT019: a trained head that gave way to a new one."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Tensor,
)
from tunewell.subjects.setup import Setup


@check("FIT019", category=Category.SUSPICIOUS, severity=Severity.INFO, covers=("C03",))
def trained_head_replaced(setup: Setup, *, min_classes: int = 2) -> Iterator[Finding]:
    """A classifier's trained head that was thrown away for a new one.

    ## What it finds
    A model whose folder holds a trained classification head of at least `min_classes` (2, fewer is
    a score) classes, and that was loaded with a new head in its place.

    ## Why it matters
    What the model knew of its old classes goes with the head. Where classes were added, all of
    them are learned anew, and the names of the classes fall back to LABEL_0, LABEL_1 and so on.

    ## How it is measured
    The folder's config.json names the class of the model and its labels; transformers marks the
    parameters that it read from a file, and the head carries no such mark.

    ## Example
    A classifier of 3 classes loaded with `num_labels=5, ignore_mismatched_sizes=True` because two
    classes were added.

    ## Fix
    Copy the rows of the old head by the names of their labels, and set `id2label`.

    ## When it is wrong
    When the task is another one, and the head was to be made anew.

    ## Sources
    transformers issue 14218. Fault C03 of the catalogue.
    """
    if setup.new_tensors is None:
        reason = "the model was not loaded from files"
        raise NotApplicableError(reason)
    if setup.saved_head is None or setup.saved_head < min_classes:
        return
    heads = [tensor.name for tensor in setup.new_tensors]
    now = f"{setup.labels:,}" if setup.labels is not None else "other"
    yield Finding(
        message=(
            f"the trained head of {setup.saved_head:,} classes in the model's folder was replaced "
            f"by a new one of {now} classes"
        ),
        where=tuple(Tensor(name=name) for name in heads),
        evidence=(Number(name="classes of the saved head", value=float(setup.saved_head)),),
        impact="what the model knew of its classes is learned anew",
        fixes=(
            Fix(
                title="copy the old head's rows by label name, if the old classes are kept",
                safety=Safety.MANUAL,
            ),
        ),
    )
