"""FIT010: nothing is trained, or not what is in use."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
    Tensor,
)
from tunewell.core.words import counted
from tunewell.subjects.setup import AdapterState, Setup


@check(
    "FIT010",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("O13", "O14", "O15"),
)
def adapter_not_trained(setup: Setup, *, min_trainable: int = 1) -> Iterator[Finding]:
    """A model of which nothing is trained, or an adapter in use that is not.

    ## What it finds
    A model without a single trainable parameter, and a PEFT model whose active adapter is frozen
    while an adapter that is not in use is trainable.

    ## Why it matters
    Training runs to its end, logs a loss, saves a model and changes nothing. The loss even moves a
    little, because each step sees other rows.

    ## How it is measured
    By `requires_grad` of every parameter once the trainer is built, so that what the trainer itself
    freezes is seen too; fewer than `min_trainable` (1) trainable values in the model, or in its
    active adapters, is a finding. The cause is read off the adapter: `PeftModel.from_pretrained`
    loads for inference unless told otherwise, which leaves `inference_mode` set.

    ## Example
    `PeftModel.from_pretrained(base, folder)` given to a trainer: its gradient norm is 0.0 at every
    step, with and without gradient checkpointing, and no library says a word.

    ## Fix
    Load with `is_trainable=True`, or call `model.set_adapter(name)` for the adapter to train.

    ## When it is wrong
    When the trainer is only used to evaluate.

    ## Sources
    PEFT documentation of `from_pretrained`; TRL issues 3031 and 6700; PEFT issues 184, 282, 1410
    and 2759. Faults O13, O14 and O15 of the catalogue.
    """
    active = [adapter for adapter in setup.adapters if adapter.active]
    idle = [adapter for adapter in setup.adapters if not adapter.active and adapter.trainable]
    used = sum(adapter.trainable for adapter in active)
    if setup.trainable >= min_trainable and not (idle and active and not used):
        return
    loaded = [adapter for adapter in active if adapter.loaded]
    if idle and not used:
        names = ", ".join(repr(adapter.name) for adapter in idle)
        used_names = ", ".join(repr(adapter.name) for adapter in active)
        said = (
            f"the adapter in use, {used_names}, is frozen, and {names}, which is trainable, is "
            "not in use: no gradient reaches anything"
        )
        fix = f"call model.set_adapter({idle[0].name!r}) before the trainer is built"
    elif loaded:
        said = (
            f"nothing is trainable: adapter {loaded[0].name!r} was loaded for inference "
            "(PeftModel.from_pretrained without is_trainable=True)"
        )
        fix = "load the adapter with PeftModel.from_pretrained(base, folder, is_trainable=True)"
    elif active:
        said = (
            f"nothing is trainable: adapter {active[0].name!r} is frozen although it was not "
            "loaded for inference; something set requires_grad to False after it was made"
        )
        fix = "freeze the base before the adapter is added, not the whole model after it"
    else:
        said = f"nothing is trainable: requires_grad is False for all {setup.values:,} values"
        fix = "set requires_grad to True for the parts to train, before the trainer is built"
    yield Finding(
        message=said,
        where=tuple(Tensor(name=layer) for layer in _layers(setup)),
        evidence=(
            Number(
                name="trainable values in use",
                value=float(0 if setup.adapters else setup.trainable),
                bound=f"at least {min_trainable}",
            ),
            *_table(setup.adapters),
        ),
        impact="training ends as it began: nothing is learned",
        fixes=(Fix(title=fix, safety=Safety.MANUAL),),
    )


def _layers(setup: Setup) -> tuple[str, ...]:
    return tuple(layer for group in setup.groups for layer in group.layers)[:1]


def _table(adapters: tuple[AdapterState, ...]) -> tuple[Table, ...]:
    if not adapters:
        return ()
    rows = tuple(
        (
            adapter.name,
            "yes" if adapter.active else "no",
            "inference" if adapter.loaded else "training",
            counted(adapter.trainable, "tensor"),
            adapter.tensors,
        )
        for adapter in adapters
    )
    return (
        Table(
            name="adapters",
            columns=("adapter", "in use", "made for", "trainable", "of"),
            rows=rows,
            total=len(rows),
        ),
    )
