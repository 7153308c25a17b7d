"""HYP015: the new head of a classifier is not trained whole and not saved with the adapter."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.adapter import ALL_LINEAR, FOREIGN, HEADS
from tunewell.facts.recipe import change, place
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.setup import Setup

TASK_TYPES = {
    "text-classification": "SEQ_CLS",
    "token-classification": "TOKEN_CLS",
    "reward": "SEQ_CLS",
}


@check("HYP015", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("O20", "O21"))
def new_head_not_trained(
    recipe: Recipe,
    checkpoint: Checkpoint | None,
    setup: Setup | None,
    *,
    max_heads: int = 0,
) -> Iterator[Finding]:
    """The adapter leaves the new classification head frozen, or out of what is saved.

    ## What it finds
    An adapter for classification or a reward model without `task_type` and without the head in
    `modules_to_save`: the head is frozen, or, where it is among the `target_modules`, it gets an
    adapter while the random weights under it are saved nowhere.

    ## Why it matters
    The head is new: its weights are random. Frozen, everything is learned around a random
    projection. With an adapter on it, the run looks right, but whoever loads the adapter later gets
    another random head under it, and the answers are at chance.

    ## How it is measured
    By what PEFT does: it adds "classifier" and "score" to `modules_to_save` only where `task_type`
    is SEQ_CLS or TOKEN_CLS. More than `max_heads` heads, 0, without training are told. A model
    whose weights already hold a head is left alone, and so are programs that make the head by
    themselves (axolotl, LLaMA-Factory, torchtune).

    ## Example
    `LoraConfig(target_modules=["query", "value"])` for `AutoModelForSequenceClassification`; or
    `modules_to_save=[].append("classifier")`, which is None.

    ## Fix
    `task_type="SEQ_CLS"` (or "TOKEN_CLS"), or the head's name in `modules_to_save`.

    ## When it is wrong
    When the checkpoint has a trained head that is to stay as it is, and its weights are not at
    hand to be looked at.

    ## Sources
    PEFT, `PeftModelForSequenceClassification`; PEFT issues 310 and 577. Faults O20 and O21 of the
    catalogue, reproduced with PEFT 0.21.
    """
    adapter = recipe.adapter
    wanted = TASK_TYPES.get(recipe.task)
    if adapter is None or wanted is None:
        reason = "no adapter on a model with a new head"
        raise NotApplicableError(reason)
    if setup is not None:
        reason = "the model itself is there and is looked at: see new-head-frozen"
        raise NotApplicableError(reason)
    if recipe.format in FOREIGN:
        reason = f"{recipe.format} makes and saves its head by itself"
        raise NotApplicableError(reason)
    if adapter.modules_to_save or (adapter.task_type or "").upper() in TASK_TYPES.values():
        return
    if max_heads >= 1 or (checkpoint is not None and _has_head(checkpoint)):
        return
    targets = adapter.target_modules
    named = {targets} if isinstance(targets, str) else set(targets or ())
    adapted = sorted(name for name in named if name.rpartition(".")[2] in HEADS)
    if ALL_LINEAR in named:
        adapted = ["the head, as a linear layer"]
    said = (
        f"the new head gets an adapter ({', '.join(adapted)}), but the random weights under it are "
        "not saved"
        if adapted
        else "the new head is frozen with its random weights"
    )
    yield Finding(
        message=f"{said}: the adapter has neither task_type nor modules_to_save",
        where=(place(recipe, "adapter.task_type"),),
        evidence=(
            Text(name="task_type", text=adapter.task_type or "not set"),
            Text(name="modules_to_save", text="not set"),
        ),
        impact=(
            "whoever loads the adapter gets another random head: answers at chance"
            if adapted
            else "the rest of the model learns around a random projection"
        ),
        fixes=(
            Fix(
                title=f"set task_type to {wanted}, which trains and saves the head",
                safety=Safety.UNSAFE,
                edits=(change(recipe, "adapter.task_type", wanted),),
            ),
        ),
        confidence=Confidence.HIGH if checkpoint is not None else Confidence.MEDIUM,
    )


def _has_head(checkpoint: Checkpoint) -> bool:
    """Whether the weights hold a head, or are not there to be looked at."""
    if not checkpoint.tensors:
        return checkpoint.label_names is not None
    return any(part in HEADS for name in checkpoint.tensors for part in name.split("."))
