"""HYP040: a listed LoRA target that is nowhere in the model."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.subjects.setup import AdapterState, Setup


@check(
    "HYP040",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("O16", "O17"),
)
def adapter_target_missing(setup: Setup, *, max_missing: int = 0) -> Iterator[Finding]:
    """A target module of the adapter that no module of the model answers to.

    ## What it finds
    Names in `target_modules` of an adapter in use that are neither the name of a module nor its
    end; more than `max_missing` (0) of them. Where none matches, PEFT raises; where one does, it
    says nothing about the others.

    ## Why it matters
    The layers that were meant have no adapter. The run is healthy and learns less than it could:
    with the MLP layers left out, a third of the adapter's parameters or fewer are there.

    ## How it is measured
    The names of the live model's modules are held against the list the way PEFT does: a target
    matches a module of that name and every module whose name ends in a dot and the target. A
    pattern (a string instead of a list) and "all-linear" are not judged.

    ## Example
    `target_modules=["q_proj", "v_proj", "w1"]` on a Llama, whose MLP layers are `gate_proj`,
    `up_proj` and `down_proj`.

    ## Fix
    Name the module as the model does, or set `target_modules="all-linear"`.

    ## When it is wrong
    For a list that is meant for several architectures and names the modules of all of them.

    ## Sources
    PEFT, `BaseTuner.inject_adapter`, which needs one match; PEFT issue 1206. Faults O16 and O17 of
    the catalogue.
    """
    adapters = [adapter for adapter in setup.adapters if adapter.active and adapter.targets]
    if not adapters:
        reason = "no adapter with a list of target modules is in use"
        raise NotApplicableError(reason)
    missing = [(adapter, name) for adapter in adapters for name in adapter.unmatched]
    if len(missing) <= max_missing:
        return
    names = ", ".join(repr(name) for _, name in missing)
    yield Finding(
        message=(
            f"{counted(len(missing), 'target module')} of the adapter "
            f"{'is' if len(missing) == 1 else 'are'} not in {setup.model}: {names}; PEFT says "
            "nothing as long as another target matches"
        ),
        where=(Key(path="adapter.target_modules"),),
        evidence=(_table(adapters),),
        impact="the layers that were meant stay without an adapter",
        fixes=(
            Fix(
                title='name the modules as the model does, or set target_modules to "all-linear"',
                safety=Safety.MANUAL,
            ),
        ),
    )


def _table(adapters: list[AdapterState]) -> Table:
    rows = tuple(
        (adapter.name, target, "no" if target in adapter.unmatched else "yes")
        for adapter in adapters
        for target in adapter.targets
    )
    return Table(
        name="target modules",
        columns=("adapter", "target", "in the model"),
        rows=rows,
        total=len(rows),
    )
